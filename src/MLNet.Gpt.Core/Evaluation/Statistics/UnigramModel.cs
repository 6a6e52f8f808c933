using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// The simplest model that has learned something: how often each token occurred in a training text, whatever stands
/// before it. p(token) = (count + 1) / (tokens + V), so that no token is impossible (add-one smoothing; Jurafsky and
/// Martin, "Speech and Language Processing", chapter 3).
/// </summary>
public sealed class UnigramModel
{
    private readonly double[] _losses;

    private UnigramModel(double[] losses, long tokenCount) => (_losses, TokenCount) = (losses, tokenCount);

    /// <summary>Tokens of the training text.</summary>
    public long TokenCount { get; }

    /// <summary>Counts the tokens of a training text.</summary>
    public static UnigramModel Train(Corpus text, ITextTokenizer tokenizer, SpecialTokens specialTokens = SpecialTokens.Recognized)
    {
        long[] counts = new long[tokenizer.VocabularySize];
        long all = 0;
        foreach (var document in text.Documents)
        {
            int[] ids = tokenizer.Encode(document.Text, specialTokens);
            foreach (int id in ids) counts[id]++;
            all += ids.Length;
        }

        double total = Math.Log(all + (double)counts.Length);
        return new([.. counts.Select(count => total - Math.Log(count + 1.0))], all);
    }

    /// <summary>−ln p(token), in nats.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public double NegativeLogLikelihood(int id)
    {
        TokenIds.Validate([id], _losses.Length, nameof(id));
        return _losses[id];
    }
}
