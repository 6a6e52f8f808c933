using MLNet.Gpt.Configuration;

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
    public BytePairTokenizer? SplitLike
    {
        get;
        init => field = value is null || !value.Rules.MergesCharacters
            ? value
            : throw new ArgumentException(
                "The tokenizer merges characters, as SentencePiece does; only byte-level ones can be learned.", nameof(SplitLike));
    }
}
