using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// How text is generated. Immutable; each setting checks its own range. The defaults give the lecture's greedy generation:
/// always the most probable token, so that the same prompt gives the same text.
/// </summary>
/// <remarks>
/// The settings of sampling apply in this order, that of Hugging Face's Transformers: <see cref="RepetitionPenalty"/>,
/// <see cref="FrequencyPenalty"/>, <see cref="PresencePenalty"/>, <see cref="Temperature"/>, <see cref="TopK"/>,
/// <see cref="TopP"/>, <see cref="MinP"/>.
/// </remarks>
public sealed record GenerationOptions
{
    /// <summary>Most tokens to generate, the prompt's not counted; at least 1.</summary>
    /// <value>50.</value>
    public int MaxTokens { get; init => field = Check.AtLeast(value, 1, nameof(MaxTokens)); } = 50;

    /// <summary>
    /// What the logits are divided by before a token is drawn: below 1 sharper, above 1 flatter; 0 always takes the most probable token.
    /// 0, or from 10⁻⁶ to 10⁶.
    /// </summary>
    /// <value>0: greedy.</value>
    public double Temperature
    {
        get;
        init => field = value is 0 or (>= 1e-6 and <= 1e6)
            ? value
            : throw Check.OutOfRange(nameof(Temperature), value, "from 1E-06 to 1000000, or 0 for greedy");
    }

    /// <summary>
    /// Only this many of the most probable tokens can be drawn, and those as probable as the last of them; at least 1.
    /// A number at or above the vocabulary's size excludes nothing.
    /// </summary>
    /// <value><see langword="null"/>: all.</value>
    public int? TopK { get; init => field = Check.AtLeast(value, 1, nameof(TopK)); }

    /// <summary>
    /// Only the fewest most probable tokens whose probabilities reach this sum can be drawn (nucleus sampling); above
    /// 0, at most 1.
    /// </summary>
    /// <value>1: all.</value>
    public double TopP { get; init => field = AboveZero(value, 1, nameof(TopP)); } = 1;

    /// <summary>Only tokens at least this many times as probable as the most probable one can be drawn; from 0 to 1.</summary>
    /// <value>0: all.</value>
    public double MinP { get; init => field = Check.Between(value, 0, 1, nameof(MinP)); }

    /// <summary>
    /// The logit of every token that stands in the prompt or was generated is divided by this where positive, multiplied where
    /// negative; above 0, at most 1000. Over 1 discourages repetition. Source: Keskar et al., "CTRL" (2019).
    /// </summary>
    /// <value>1: none.</value>
    public double RepetitionPenalty { get; init => field = AboveZero(value, 1000, nameof(RepetitionPenalty)); } = 1;

    /// <summary>Taken from the logit of a generated token for each time it was generated; from −100 to 100.</summary>
    /// <value>0: none.</value>
    public double FrequencyPenalty { get; init => field = Check.Between(value, -100, 100, nameof(FrequencyPenalty)); }

    /// <summary>Taken once from the logit of every token that was generated; from −100 to 100.</summary>
    /// <value>0: none.</value>
    public double PresencePenalty { get; init => field = Check.Between(value, -100, 100, nameof(PresencePenalty)); }

    /// <summary>
    /// Texts that end the generation where they appear in what is generated; they are not part of the result. None may
    /// be empty.
    /// </summary>
    /// <value>None.</value>
    public IReadOnlyList<string> StopSequences { get; init => field = CopyStopSequences(value); } = [];

    /// <summary>
    /// Whether the tokenizer's end-of-text token ends the generation; it is not part of the result. Otherwise it is a
    /// token like any other.
    /// </summary>
    /// <value><see langword="true"/>.</value>
    public bool StopAtEndOfText { get; init; } = true;

    /// <summary>Where the random generator starts. The same seed, prompt and model give the same text.</summary>
    /// <value><see langword="null"/>: a new one each time, reported in <see cref="GeneratedText.Seed"/>.</value>
    public long? Seed { get; init; }

    /// <summary>How tokens are drawn where <see cref="Temperature"/> is above 0.</summary>
    /// <value><see cref="RandomAlgorithm.Xoshiro256"/>.</value>
    public RandomAlgorithm RandomAlgorithm { get; init => field = Check.Defined(value, nameof(RandomAlgorithm)); } = RandomAlgorithm.Xoshiro256;

    /// <summary>
    /// Whether each generated token comes with its log-probability, in nats, under the model itself: before penalties,
    /// temperature and filters.
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool ReturnLogProbabilities { get; init; }

    /// <summary>
    /// How many of the model's most probable tokens are returned with each generated token; at least 0. Above 0 they
    /// come with log-probabilities.
    /// </summary>
    /// <value>0.</value>
    public int CandidateCount { get; init => field = Check.AtLeast(value, 0, nameof(CandidateCount)); }

    /// <summary>What happens where prompt and generated tokens together outgrow the model's context.</summary>
    /// <value><see cref="ContextOverflow.Slide"/>: what the lecture does.</value>
    public ContextOverflow Overflow { get; init => field = Check.Defined(value, nameof(Overflow)); } = ContextOverflow.Slide;

    /// <summary>
    /// How the spelling of a special token inside a prompt is read. <see cref="SpecialTokens.Literal"/> is what
    /// untrusted text wants.
    /// </summary>
    /// <value><see cref="SpecialTokens.Recognized"/>: what the lecture does.</value>
    public SpecialTokens PromptSpecialTokens { get; init => field = Check.Defined(value, nameof(PromptSpecialTokens)); } = SpecialTokens.Recognized;

    /// <summary>
    /// Most sequences that are written at once where there are several prompts or samples; at least 1. Each holds a KV
    /// cache. It changes speed and memory, not text.
    /// </summary>
    /// <value>8.</value>
    public int BatchSize { get; init => field = Check.AtLeast(value, 1, nameof(BatchSize)); } = 8;

    /// <summary>
    /// Whether tokens are guessed from how the text went on before and verified several at a time. The text is the
    /// same, token for token; it comes faster where it repeats itself or its prompt, as in code, lists and summaries,
    /// and a little slower where it never does. Only for one text at a time.
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool LookupDecoding { get; init; }

    private static double AboveZero(double value, double maximum, string name) =>
        value > 0 && value <= maximum ? value : throw Check.OutOfRange(name, value, FormattableString.Invariant($"above 0 and at most {maximum}"));

    private static IReadOnlyList<string> CopyStopSequences(IReadOnlyList<string> value)
    {
        ArgumentNullException.ThrowIfNull(value, nameof(StopSequences));
        string[] copy = [.. value];
        for (int i = 0; i < copy.Length; i++)
        {
            if (string.IsNullOrEmpty(copy[i])) throw new ArgumentException($"{nameof(StopSequences)}[{i}] is empty; an empty text would end every generation at once.", nameof(StopSequences));
            if (char.IsLowSurrogate(copy[i][0]) || char.IsHighSurrogate(copy[i][^1]))
            {
                throw new ArgumentException($"{nameof(StopSequences)}[{i}] begins or ends with half a character (a lone surrogate).", nameof(StopSequences));
            }
        }

        return Array.AsReadOnly(copy);
    }
}
