using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// How text is generated. Immutable; each setting checks its own range. The defaults are the lecture's greedy generation: always the most
/// probable token, so that the same prompt gives the same text.
/// </summary>
/// <remarks>
/// The sampling settings apply in the order of Hugging Face's Transformers: <see cref="RepetitionPenalty"/>,
/// <see cref="FrequencyPenalty"/>, <see cref="PresencePenalty"/>, <see cref="Temperature"/>, <see cref="TopK"/>,
/// <see cref="TopP"/>, <see cref="MinP"/>.
/// </remarks>
public sealed record GenerationOptions
{
    /// <summary>The maximum number of tokens to generate, not counting the prompt; at least 1.</summary>
    /// <value>50.</value>
    public int MaxTokens { get; init => field = Check.AtLeast(value, 1, nameof(MaxTokens)); } = 50;

    /// <summary>
    /// The divisor of the logits before a token is drawn: below 1 for a sharper distribution, above 1 for a flatter
    /// one; 0 always takes the most probable token. 0, or from 10⁻⁶ to 10⁶.
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
    /// Only this many of the most probable tokens can be drawn, and those as probable as the last of them; at least 1. The size of the
    /// vocabulary or more excludes nothing.
    /// </summary>
    /// <value><see langword="null"/>: all.</value>
    public int? TopK { get; init => field = Check.AtLeast(value, 1, nameof(TopK)); }

    /// <summary>
    /// Only the smallest set of most probable tokens whose probabilities reach this sum can be drawn (nucleus
    /// sampling); above 0, at most 1.
    /// </summary>
    /// <value>1: all.</value>
    public double TopP { get; init => field = AboveZero(value, 1, nameof(TopP)); } = 1;

    /// <summary>Only tokens at least this many times as probable as the most probable one can be drawn; from 0 to 1.</summary>
    /// <value>0: all.</value>
    public double MinP { get; init => field = Check.Between(value, 0, 1, nameof(MinP)); }

    /// <summary>
    /// The logit of every token of the prompt and the generated text is divided by this if it is positive, and
    /// multiplied if it is negative; above 0, at most 1,000. A value above 1 discourages repetition. Source: Keskar et
    /// al., "CTRL" (2019).
    /// </summary>
    /// <value>1: none.</value>
    public double RepetitionPenalty { get; init => field = AboveZero(value, 1000, nameof(RepetitionPenalty)); } = 1;

    /// <summary>Subtracted from the logit of a token for each time it was generated; from −100 to 100.</summary>
    /// <value>0: none.</value>
    public double FrequencyPenalty { get; init => field = Check.Between(value, -100, 100, nameof(FrequencyPenalty)); }

    /// <summary>Subtracted once from the logit of every token that was generated; from −100 to 100.</summary>
    /// <value>0: none.</value>
    public double PresencePenalty { get; init => field = Check.Between(value, -100, 100, nameof(PresencePenalty)); }

    /// <summary>
    /// Texts that end the generation when they appear in the generated text; they are not part of the result. None may be empty.
    /// </summary>
    /// <value>None.</value>
    public IReadOnlyList<string> StopSequences { get; init => field = CopyStopSequences(value); } = [];

    /// <summary>
    /// Whether the tokenizer's end-of-text token, or another of its <see cref="ITextTokenizer.EndIds"/>, ends the
    /// generation; it is then not part of the result. Otherwise it is a token like any other.
    /// </summary>
    /// <value><see langword="true"/>.</value>
    public bool StopAtEndOfText { get; init; } = true;

    /// <summary>Further tokens that end the generation: those of a conversation's template.</summary>
    internal IReadOnlyList<int> StopIds { get; init; } = [];

    /// <summary>The seed of the random generator. The same seed, prompt and model give the same text.</summary>
    /// <value><see langword="null"/>: a new one each time, reported in <see cref="GeneratedText.Seed"/>.</value>
    public long? Seed { get; init; }

    /// <summary>How tokens are drawn if <see cref="Temperature"/> is above 0.</summary>
    /// <value><see cref="RandomAlgorithm.Xoshiro256"/>.</value>
    public RandomAlgorithm RandomAlgorithm
    {
        get;
        init => field = Check.Defined(value, nameof(RandomAlgorithm));
    } = RandomAlgorithm.Xoshiro256;

    /// <summary>
    /// Whether <see cref="GeneratedText.Tokens"/> gives the log-probability and the rank of each generated token under
    /// the model itself: before penalties, temperature and filters.
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool ReturnLogProbabilities { get; init; }

    /// <summary>
    /// How many of the model's most probable tokens to return with each generated token; at least 0. Above 0,
    /// log-probabilities are returned as well.
    /// </summary>
    /// <value>0.</value>
    public int CandidateCount { get; init => field = Check.AtLeast(value, 0, nameof(CandidateCount)); }

    /// <summary>What happens if the prompt and the generated tokens together exceed the model's context.</summary>
    /// <value><see cref="ContextOverflow.Slide"/>, as in the lecture.</value>
    public ContextOverflow Overflow { get; init => field = Check.Defined(value, nameof(Overflow)); } = ContextOverflow.Slide;

    /// <summary>
    /// How special tokens spelled out in a prompt are read. Use <see cref="SpecialTokens.Literal"/> for untrusted text.
    /// </summary>
    /// <value><see cref="SpecialTokens.Recognized"/>, as in the lecture.</value>
    public SpecialTokens PromptSpecialTokens
    {
        get;
        init => field = Check.Defined(value, nameof(PromptSpecialTokens));
    } = SpecialTokens.Recognized;

    /// <summary>
    /// The maximum number of sequences to generate at once if there are several prompts or samples; at least 1. Each
    /// needs a KV cache. Affects speed and memory, not the text.
    /// </summary>
    /// <value>8.</value>
    public int BatchSize { get; init => field = Check.AtLeast(value, 1, nameof(BatchSize)); } = 8;

    /// <summary>
    /// Whether to guess tokens from earlier occurrences of the same text and verify several at a time. The text is the
    /// same, token for token. This is faster if the text repeats itself or its prompt, as in code, lists and summaries,
    /// and slightly slower if it never does. Texts that are generated together do not guess: they share passes instead.
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool LookupDecoding { get; init; }

    private static double AboveZero(double value, double maximum, string name) =>
        value > 0 && value <= maximum
            ? value
            : throw Check.OutOfRange(name, value, FormattableString.Invariant($"above 0 and at most {maximum}"));

    private static IReadOnlyList<string> CopyStopSequences(IReadOnlyList<string> value)
    {
        ArgumentNullException.ThrowIfNull(value, nameof(StopSequences));
        string[] copy = [.. value];
        for (int i = 0; i < copy.Length; i++)
        {
            if (string.IsNullOrEmpty(copy[i]))
            {
                throw new ArgumentException(
                    $"{nameof(StopSequences)}[{i}] is empty; an empty text would end every generation at once.", nameof(StopSequences));
            }

            if (char.IsLowSurrogate(copy[i][0]) || char.IsHighSurrogate(copy[i][^1]))
            {
                throw new ArgumentException(
                    $"{nameof(StopSequences)}[{i}] begins or ends with half a character (an unpaired surrogate).", nameof(StopSequences));
            }
        }

        return Array.AsReadOnly(copy);
    }
}
