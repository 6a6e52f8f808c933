using System.Diagnostics;
using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Continues texts: <c>Invoke-GptGenerate</c>.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "GptGenerate", DefaultParameterSetName = PromptSet)]
[OutputType(typeof(GptGeneration), typeof(string))]
public sealed class InvokeGptGenerateCommand : ModelCommand
{
    private const string PromptSet = "Prompt";
    private const string PipelineSet = "Pipeline";

    private TextGenerator _generator = null!;
    private GenerationOptions _options = null!;

    /// <summary>The texts to continue: strings, or objects with a property <c>Prompt</c> or <c>Text</c>.</summary>
    [Parameter(
        Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PromptSet)]
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PipelineSet)]
    [Alias("Text")]
    [TextArgument(nameof(Prompt), "Text")]
    [AllowEmptyString]
    public string[] Prompt { get; set; } = [];

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = PromptSet)]
    [Parameter(Position = 0, ParameterSetName = PipelineSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <summary>Most tokens to write.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? MaxTokens { get; set; }

    /// <summary>What the logits are divided by; 0 is greedy.</summary>
    [Parameter]
    public double? Temperature { get; set; }

    /// <summary>Only this many most probable tokens can be drawn.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? TopK { get; set; }

    /// <summary>Only the fewest tokens that reach this probability together can be drawn.</summary>
    [Parameter]
    public double? TopP { get; set; }

    /// <summary>Only tokens at least this many times as probable as the best can be drawn.</summary>
    [Parameter]
    public double? MinP { get; set; }

    /// <summary>Over 1 discourages tokens that are already there.</summary>
    [Parameter]
    public double? RepetitionPenalty { get; set; }

    /// <summary>Where the random generator starts.</summary>
    [Parameter]
    public long? Seed { get; set; }

    /// <summary>How tokens are drawn.</summary>
    [Parameter]
    public RandomAlgorithm? RandomAlgorithm { get; set; }

    /// <summary>Texts that end the generation.</summary>
    [Parameter]
    public string[] StopText { get; set; } = [];

    /// <summary>How many continuations of each prompt.</summary>
    [Parameter]
    [Alias("Sample")]
    [ValidateRange(1, int.MaxValue)]
    public int SampleCount { get; set; } = 1;

    /// <summary>Writes text as it comes.</summary>
    [Parameter]
    public SwitchParameter Stream { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (Stream && SampleCount > 1)
        {
            Terminate(
                new ArgumentException($"-Stream shows one text as it comes; -SampleCount is {SampleCount}."),
                "StreamOfSeveralSamples",
                ErrorCategory.InvalidArgument,
                SampleCount);
        }

        try
        {
            _options = Options();
        }
        catch (ArgumentException invalid)
        {
            Terminate(invalid, "InvalidGenerationOption", ErrorCategory.InvalidArgument, invalid.ParamName);
        }

        _generator = new TextGenerator(Model.Engine, _options);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string prompt in Prompt) Attempt(() => Generate(prompt), prompt);
    }

    private GenerationOptions Options()
    {
        var defaults = new GenerationOptions();
        return new GenerationOptions
        {
            MaxTokens = MaxTokens ?? defaults.MaxTokens,
            Temperature = Temperature ?? defaults.Temperature,
            TopK = TopK ?? defaults.TopK,
            TopP = TopP ?? defaults.TopP,
            MinP = MinP ?? defaults.MinP,
            RepetitionPenalty = RepetitionPenalty ?? defaults.RepetitionPenalty,
            Seed = Seed ?? defaults.Seed,
            RandomAlgorithm = RandomAlgorithm ?? defaults.RandomAlgorithm,
            StopSequences = StopText,
        };
    }

    private void Generate(string prompt)
    {
        if (Stream)
        {
            // The generator works on other threads; what it has ready is written from the pipeline's own.
            foreach (var chunk in _generator.StreamAsync(prompt, cancellationToken: StopToken).ToBlockingEnumerable(StopToken))
            {
                if (chunk.Text.Length > 0) WriteObject(chunk.Text);
            }

            return;
        }

        var clock = Stopwatch.StartNew();
        foreach (var text in _generator.GenerateSamples(prompt, SampleCount, cancellationToken: StopToken))
        {
            WriteObject(new GptGeneration(prompt, text, clock.Elapsed));
        }
    }
}
