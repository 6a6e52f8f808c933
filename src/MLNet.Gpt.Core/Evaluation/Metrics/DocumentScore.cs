using System.Globalization;

namespace MLNet.Gpt;

/// <summary>
/// What a model made of one document, or of many: counts that add up exactly, whatever the grouping and the order.
/// </summary>
/// <param name="Loss">Summed negative log-likelihood and number of predicted tokens.</param>
/// <param name="ByteCount">UTF-8 bytes of the predicted text.</param>
/// <param name="CharacterCount">
/// Unicode scalar values of the predicted text; one that spans tokens is predicted with the last of them.
/// </param>
/// <param name="WordCount">
/// Words of which some part was predicted, as <see cref="TextSize.CountWords"/> counts them.
/// </param>
/// <param name="Top1Count">Predicted tokens that the model held most probable.</param>
/// <param name="Top5Count">Predicted tokens among the five that the model held most probable.</param>
/// <param name="DocumentCount">Documents, those with nothing to predict among them.</param>
/// <remarks>
/// The predicted text is the whole text where a start token precedes it, as in lm-evaluation-harness. Without one, the
/// first token is predicted by nobody: its loss is not in the sum, so its bytes, its characters and the words that end
/// with it are not counted either.
/// </remarks>
public readonly record struct DocumentScore(
    LossSummary Loss, long ByteCount, long CharacterCount, long WordCount, long Top1Count, long Top5Count, long DocumentCount)
{
    /// <summary>The score of no document.</summary>
    public static DocumentScore Empty => default;

    /// <summary>The score of two disjoint sets of documents together.</summary>
    public static DocumentScore operator +(DocumentScore left, DocumentScore right) => new(
        left.Loss + right.Loss,
        left.ByteCount + right.ByteCount,
        left.CharacterCount + right.CharacterCount,
        left.WordCount + right.WordCount,
        left.Top1Count + right.Top1Count,
        left.Top5Count + right.Top5Count,
        left.DocumentCount + right.DocumentCount);

    /// <summary>The score of two disjoint sets of documents together.</summary>
    public static DocumentScore Add(DocumentScore left, DocumentScore right) => left + right;

    /// <summary>
    /// The score as text that <see cref="ParseExact"/> reads back to the last bit, for sums over many processes:
    /// <see cref="LossSummary.ToExactString"/>, bytes, characters, words, top-1 and top-5 tokens and documents, parted
    /// by commas.
    /// </summary>
    public string ToExactString() => string.Create(
        CultureInfo.InvariantCulture, $"{Loss.ToExactString()},{ByteCount},{CharacterCount},{WordCount},{Top1Count},{Top5Count},{DocumentCount}");

    /// <summary>The score that <see cref="ToExactString"/> wrote.</summary>
    /// <exception cref="FormatException">The text is no such score; the message holds it.</exception>
    public static DocumentScore ParseExact(string text)
    {
        string[] parts = text.Split(',');
        Span<long> counts = stackalloc long[6];
        bool isScore = parts.Length == 7;
        for (int i = 0; isScore && i < counts.Length; i++)
        {
            isScore = long.TryParse(parts[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out counts[i]);
        }

        return isScore
            ? new(LossSummary.ParseExact(parts[0]), counts[0], counts[1], counts[2], counts[3], counts[4], counts[5])
            : throw new FormatException($"'{text}' is no score; one is written as 'loss,bytes,characters,words,top1,top5,documents'.");
    }

    /// <summary>The score of one document.</summary>
    internal static DocumentScore Of(ReadOnlySpan<TokenScore> tokens, TextSize predicted)
    {
        var loss = LossSummary.Empty;
        long top1 = 0, top5 = 0;
        foreach (var token in tokens)
        {
            loss += LossSummary.Of(token.NegativeLogLikelihood);
            if (token.Rank < 1) top1++;
            if (token.Rank < 5) top5++;
        }

        return new(loss, predicted.ByteCount, predicted.CharacterCount, predicted.WordCount, top1, top5, 1);
    }
}
