using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// The simplest model that learns anything: the frequency of each token in a training text, regardless of what precedes it.
/// p(token) = (count + 1) / (tokens + V), so that no token is impossible (add-one smoothing; Jurafsky and Martin, "Speech and Language
/// Processing", chapter 3).
/// </summary>
public sealed class UnigramModel
{
    private readonly double[] _losses;

    private UnigramModel(double[] losses, long tokenCount) => (_losses, TokenCount) = (losses, tokenCount);

    /// <summary>The number of tokens in the training text.</summary>
    public long TokenCount { get; }

    /// <summary>Counts the tokens of a training text.</summary>
    /// <param name="text">The training text; read once.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="specialTokens">How special tokens spelled out in the text are read.</param>
    /// <param name="cancellationToken">Cancels the count.</param>
    public static UnigramModel Train(
        Corpus text,
        ITextTokenizer tokenizer,
        SpecialTokens specialTokens = SpecialTokens.Recognized,
        CancellationToken cancellationToken = default)
    {
        long[] counts = new long[tokenizer.VocabularySize];
        long all = 0;
        foreach (var document in text.Documents)
        {
            int[] ids = tokenizer.Encode(document.Text, specialTokens, cancellationToken);
            foreach (int id in ids) counts[id]++;
            all += ids.Length;
        }

        double total = Math.Log(all + (double)counts.Length);
        return new([.. counts.Select(count => total - Math.Log(count + 1.0))], all);
    }

    /// <summary>Returns −ln p(token), in nats.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public double NegativeLogLikelihood(int id)
    {
        TokenIds.Validate([id], _losses.Length, nameof(id));
        return _losses[id];
    }
}
