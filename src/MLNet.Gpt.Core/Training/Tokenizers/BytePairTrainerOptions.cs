using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>How <see cref="BytePairTrainer"/> learns a vocabulary.</summary>
public sealed record BytePairTrainerOptions
{
    /// <summary>
    /// The special tokens, which are recognized as a whole and never learned from; none empty, none twice. They have
    /// the first ids. The first of them is the end-of-text token.
    /// </summary>
    /// <value><c>&lt;|endoftext|&gt;</c>, as in GPT-2.</value>
    public IReadOnlyList<string> SpecialTokens
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value, nameof(SpecialTokens));
            if (value.Any(string.IsNullOrEmpty)) throw new ArgumentException("A special token is empty.", nameof(SpecialTokens));
            if (value.GroupBy(token => token, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
            {
                throw new ArgumentException($"The special token '{twice.Key}' is given twice.", nameof(SpecialTokens));
            }

            field = [.. value];
        }
    } = ["<|endoftext|>"];

    /// <summary>How often a pair must occur to become a token; at least 1.</summary>
    /// <value>2, as in Hugging Face's <c>ByteLevelBPETokenizer</c>.</value>
    public int MinimumFrequency { get; init => field = Check.AtLeast(value, 1, nameof(MinimumFrequency)); } = 2;

    /// <summary>
    /// A byte-level tokenizer, such as one of Llama 3 or Qwen, that says how text is normalized and split into the pieces
    /// within which tokens are learned, like <c>train_new_from_iterator</c> of Hugging Face's tokenizers.
    /// </summary>
    /// <value><see langword="null"/>: as GPT-2 splits.</value>
    public ITextTokenizer? SplitLike
    {
        get;
        init
        {
            field = value;
            Rules = value is null ? TokenizerRules.Gpt2 : SplitOf(value);
        }
    }

    /// <summary>How text is split, without what else a tokenizer does.</summary>
    internal TokenizerRules Rules { get; private init; } = TokenizerRules.Gpt2;

    private static TokenizerRules SplitOf(ITextTokenizer tokenizer)
    {
        if (FittedTokenizer.Original(tokenizer) is Gpt2Tokenizer) return TokenizerRules.Gpt2;
        if (FittedTokenizer.Original(tokenizer) is not BytePairTokenizer { Rules: { MergesCharacters: false } rules })
        {
            throw new ArgumentException(
                $"The tokenizer, a {FittedTokenizer.Original(tokenizer).GetType().Name}, does not merge bytes; "
                + "its way to split a text does not fit byte-level BPE.",
                nameof(SplitLike));
        }

        return TokenizerRules.Gpt2 with
        {
            Split = rules.Split, NormalizesToNfc = rules.NormalizesToNfc, SpacePrefix = rules.SpacePrefix,
            DropsFirstSpace = rules.DropsFirstSpace,
        };
    }
}
