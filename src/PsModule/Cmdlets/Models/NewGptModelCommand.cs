using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Makes a model with random weights: <c>New-GptModel</c>.</summary>
[Cmdlet(VerbsCommon.New, "GptModel")]
[OutputType(typeof(LanguageModel))]
public sealed class NewGptModelCommand : GptCommand
{
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

    /// <summary>Transformer blocks.</summary>
    [Parameter]
    public int? LayerCount { get; set; }

    /// <summary>Probability of dropping an activation while training.</summary>
    [Parameter]
    public double? DropoutRate { get; set; }

    /// <summary>Whether query, key and value have a bias.</summary>
    [Parameter]
    public bool? QkvBias { get; set; }

    /// <summary>Whether the head shares the token embedding's matrix.</summary>
    [Parameter]
    public bool? TiedHead { get; set; }

    /// <summary>What the weights are drawn from.</summary>
    [Parameter]
    public WeightInitialization Initialization { get; set; } = WeightInitialization.Default;

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        GptConfig config;
        try
        {
            config = Configure();
        }
        catch (ArgumentException invalid)
        {
            Terminate(invalid, "InvalidModelConfiguration", ErrorCategory.InvalidArgument, Preset);
            return;
        }

        string preset = GptPresets.All.Keys.First(each => each.Equals(Preset, StringComparison.OrdinalIgnoreCase));
        string name = FormattableString.Invariant($"{preset} (seed {Seed})");
        var weights = WeightInitializer.Create(config, Seed, Initialization);
        WriteObject(new LanguageModel(name, "Random weights", null, GptModel.FromWeights(weights, Gpt2Tokenizer.Instance)));
    }

    private GptConfig Configure()
    {
        var preset = GptPresets.Named(Preset);
        return (preset with
        {
            // A preset for tests has a vocabulary of its own, which no text tokenizer has.
            VocabularySize = Gpt2Tokenizer.Instance.VocabularySize,
            ContextLength = ContextLength ?? preset.ContextLength,
            EmbeddingWidth = EmbeddingWidth ?? preset.EmbeddingWidth,
            HeadCount = HeadCount ?? preset.HeadCount,
            LayerCount = LayerCount ?? preset.LayerCount,
            DropoutRate = DropoutRate ?? preset.DropoutRate,
            HasQkvBias = QkvBias ?? preset.HasQkvBias,
            HasTiedHead = TiedHead ?? preset.HasTiedHead,
        }).Validated();
    }
}
