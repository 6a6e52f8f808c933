using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet that continues texts: the settings as parameters. One that is not given has the library's default.</summary>
public abstract class GenerationCommand : ModelCommand
{
    private static readonly ParameterNames Names = new(
        typeof(GenerationOptions),
        (nameof(GenerationOptions.MaxTokens), nameof(MaxToken)),
        (nameof(GenerationOptions.StopSequences), nameof(StopText)),
        (nameof(GenerationOptions.PromptSpecialTokens), nameof(SpecialToken)));

    /// <summary>The most tokens to write.</summary>
    [Parameter]
    [Alias("MaxTokens", "MaxNewTokens", "max_tokens", "max_new_tokens")]
    [ValidateRange(1, int.MaxValue)]
    public int? MaxToken { get; set; }

    /// <summary>The divisor of the logits; 0 is greedy.</summary>
    [Parameter]
    public double? Temperature { get; set; }

    /// <summary>The number of most probable tokens that can be drawn.</summary>
    [Parameter]
    [Alias("top_k")]
    [ValidateRange(1, int.MaxValue)]
    public int? TopK { get; set; }

    /// <summary>The sum of probabilities of the tokens that can be drawn.</summary>
    [Parameter]
    [Alias("top_p")]
    public double? TopP { get; set; }

    /// <summary>The least probability of a token that can be drawn, as a fraction of the highest.</summary>
    [Parameter]
    [Alias("min_p")]
    public double? MinP { get; set; }

    /// <summary>The penalty of tokens that are in the prompt or the text already.</summary>
    [Parameter]
    [Alias("repetition_penalty", "RepeatPenalty", "repeat_penalty")]
    public double? RepetitionPenalty { get; set; }

    /// <summary>The penalty of a token for each time it was written.</summary>
    [Parameter]
    [Alias("frequency_penalty")]
    public double? FrequencyPenalty { get; set; }

    /// <summary>The penalty of a token that was written.</summary>
    [Parameter]
    [Alias("presence_penalty")]
    public double? PresencePenalty { get; set; }

    /// <summary>The seed of the random generator.</summary>
    [Parameter]
    public long? Seed { get; set; }

    /// <summary>The algorithm that draws tokens.</summary>
    [Parameter]
    public RandomAlgorithm? RandomAlgorithm { get; set; }

    /// <summary>Texts that end the generation.</summary>
    [Parameter]
    [Alias("Stop", "StopSequence", "StopString")]
    public string[] StopText { get; set; } = [];

    /// <summary>Treats the end-of-text token like any other.</summary>
    [Parameter]
    [Alias("ignore_eos")]
    public SwitchParameter IgnoreEndOfText { get; set; }

    /// <summary>What happens when the context is full.</summary>
    [Parameter]
    public ContextOverflow? Overflow { get; set; }

    /// <summary>How special tokens that are spelled out in a prompt are read.</summary>
    [Parameter]
    public SpecialTokens? SpecialToken { get; set; }

    /// <summary>Guesses tokens from earlier occurrences of the same text.</summary>
    [Parameter]
    public SwitchParameter LookupDecoding { get; set; }

    /// <summary>The generator with the settings.</summary>
    private protected TextGenerator Generator { get; private set; } = null!;

    /// <summary>The settings.</summary>
    private protected GenerationOptions Options { get; private set; } = null!;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (Temperature is null)
        {
            (string Name, bool IsGiven)[] ofSampling =
            [
                (nameof(TopK), TopK is not null), (nameof(TopP), TopP is not null), (nameof(MinP), MinP is not null),
                (nameof(RandomAlgorithm), RandomAlgorithm is not null),
            ];
            foreach (var (name, _) in ofSampling.Where(each => each.IsGiven)) RefuseWithout(name, nameof(Temperature));
        }

        try
        {
            Options = CreateOptions();
        }
        catch (ArgumentException invalid)
        {
            Terminate(Names.Restate(invalid), "InvalidGenerationOption", ErrorCategory.InvalidArgument, invalid.ParamName);
        }

        base.BeginProcessing();
        Generator = new TextGenerator(Model.Engine, Options);
    }

    /// <summary>Returns the settings as the library takes them.</summary>
    private protected virtual GenerationOptions CreateOptions()
    {
        var defaults = new GenerationOptions();
        return new GenerationOptions
        {
            MaxTokens = MaxToken ?? defaults.MaxTokens,
            Temperature = Temperature ?? defaults.Temperature,
            TopK = TopK ?? defaults.TopK,
            TopP = TopP ?? defaults.TopP,
            MinP = MinP ?? defaults.MinP,
            RepetitionPenalty = RepetitionPenalty ?? defaults.RepetitionPenalty,
            FrequencyPenalty = FrequencyPenalty ?? defaults.FrequencyPenalty,
            PresencePenalty = PresencePenalty ?? defaults.PresencePenalty,
            Seed = Seed ?? defaults.Seed,
            RandomAlgorithm = RandomAlgorithm ?? defaults.RandomAlgorithm,
            StopSequences = StopText,
            StopAtEndOfText = !IgnoreEndOfText,
            Overflow = Overflow ?? defaults.Overflow,
            PromptSpecialTokens = SpecialToken ?? defaults.PromptSpecialTokens,
            LookupDecoding = LookupDecoding,
        };
    }

    /// <summary>Continues one prompt; a prompt that cannot be continued is reported.</summary>
    private protected void Continue(string prompt, Action work) => Attempt(
        () =>
        {
            try
            {
                work();
            }
            catch (ArgumentException refused)
            {
                throw Names.Restate(refused);
            }
            catch (InvalidOperationException failed) when (failed is not ObjectDisposedException)
            {
                WriteError(failed, "LogitsNotFinite", ErrorCategory.InvalidResult, prompt);
            }
        },
        prompt);
}
