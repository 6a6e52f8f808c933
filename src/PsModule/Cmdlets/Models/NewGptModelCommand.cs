using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Makes a model with random weights: <c>New-GptModel</c>.</summary>
[Cmdlet(VerbsCommon.New, "GptModel")]
[OutputType(typeof(LanguageModel))]
public sealed class NewGptModelCommand : GptCommand
{
    private static readonly ParameterNames Names = new(
        typeof(GptConfig), (nameof(GptConfig.HasQkvBias), nameof(QkvBias)), (nameof(GptConfig.HasTiedHead), nameof(TiedHead)));

    /// <summary>The preset that the sizes come from.</summary>
    [Parameter(Position = 0)]
    [ArgumentCompleter(typeof(PresetCompleter))]
    public string Preset { get; set; } = "gpt2";

    /// <summary>Where the random weights start.</summary>
    [Parameter]
    public long Seed { get; set; } = 123;

    /// <summary>Longest run of tokens, T.</summary>
    [Parameter]
    public int? ContextLength { get; set; }

    /// <summary>Width of the embeddings, C.</summary>
    [Parameter]
    public int? EmbeddingWidth { get; set; }

    /// <summary>Attention heads per layer.</summary>
    [Parameter]
    public int? HeadCount { get; set; }

    /// <summary>Heads of keys and values per layer; by default as the preset says.</summary>
    [Parameter]
    public int? KeyValueHeadCount { get; set; }

    /// <summary>Width of one attention head; by default as the preset says.</summary>
    [Parameter]
    public int? HeadSize { get; set; }

    /// <summary>
    /// Width of the feed-forward layer; by default as the preset says, in proportion to <see cref="EmbeddingWidth"/>.
    /// </summary>
    [Parameter]
    public int? FeedForwardWidth { get; set; }

    /// <summary>Transformer blocks.</summary>
    [Parameter]
    public int? LayerCount { get; set; }

    /// <summary>Probability of dropping an activation while training.</summary>
    [Parameter]
    public double? DropoutRate { get; set; }

    /// <summary>
    /// Gives query, key and value a bias; <c>-QkvBias:$false</c> gives them none. By default as the preset says.
    /// </summary>
    [Parameter]
    public SwitchParameter QkvBias { get; set; }

    /// <summary>
    /// Shares the token embedding's matrix with the head; <c>-TiedHead:$false</c> gives the head one of its own. By
    /// default as the preset says.
    /// </summary>
    [Parameter]
    public SwitchParameter TiedHead { get; set; }

    /// <summary>What the weights are drawn from.</summary>
    [Parameter]
    public WeightInitialization Initialization { get; set; } = WeightInitialization.Default;

    /// <summary>The folder or file of the model's tokenizer; by default GPT-2's.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? TokenizerPath { get; set; }

    /// <summary>How the matrices are held in memory.</summary>
    [Parameter]
    public WeightPrecision Precision { get; set; } = WeightPrecision.Float32;

    /// <summary>Threads that the model computes with; by default all processors.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? ThreadCount { get; set; }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        var tokenizer = TokenizerPath is null ? Gpt2Tokenizer.Instance : ReadTokenizer(TokenizerPath);
        GptConfig config;
        try
        {
            config = Configure(tokenizer.VocabularySize);
        }
        catch (ArgumentException invalid)
        {
            Terminate(Names.Restate(invalid), "InvalidModelConfiguration", ErrorCategory.InvalidArgument, Preset);
            return;
        }

        string preset = GptPresets.All.Keys.First(each => each.Equals(Preset, StringComparison.OrdinalIgnoreCase));
        string name = FormattableString.Invariant($"{preset} (seed {Seed})");
        WriteVerbose(FormattableString.Invariant($"Drawing {config.ParameterCount:N0} parameters from the seed {Seed}."));
        try
        {
            var weights = WeightInitializer.Create(config, Seed, Initialization);
            StopToken.ThrowIfCancellationRequested();
            var options = new GptModelOptions { Precision = Precision, ThreadCount = ThreadCount };
            var engine = GptModel.FromWeights(weights, tokenizer, options, cancellationToken: StopToken);
            WriteVerbose(FormattableString.Invariant($"Holding them as {Precision} in {engine.WeightBytes / 1e6:N0} MB."));
            WriteObject(new LanguageModel(name, "Random weights", null, engine));
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
    }

    private bool IsGiven(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);

    private GptConfig Configure(int vocabularySize)
    {
        var preset = GptPresets.Named(Preset);
        var config = preset with
        {
            VocabularySize = vocabularySize, // a preset's own vocabulary has no tokenizer here
            ContextLength = ContextLength ?? preset.ContextLength,
            EmbeddingWidth = EmbeddingWidth ?? preset.EmbeddingWidth,
            HeadCount = HeadCount ?? preset.HeadCount,
            LayerCount = LayerCount ?? preset.LayerCount,
            DropoutRate = DropoutRate ?? preset.DropoutRate,
            HasQkvBias = IsGiven(nameof(QkvBias)) ? QkvBias : preset.HasQkvBias,
            HasTiedHead = IsGiven(nameof(TiedHead)) ? TiedHead : preset.HasTiedHead,
        };
        if (KeyValueHeadCount is { } keyHeads) config = config with { KeyValueHeadCount = keyHeads };
        if (HeadSize is { } size) config = config with { HeadSize = size };
        int inner = FeedForwardWidth
            ?? checked((int)((long)preset.FeedForwardWidth * config.EmbeddingWidth / preset.EmbeddingWidth));
        return (inner == config.FeedForwardWidth ? config : config with { FeedForwardWidth = inner }).Validated();
    }
}
