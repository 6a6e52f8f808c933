using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Softmax;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>Cross-entropy of logits against target ids: −ln softmax(logits)[target], in one call.</summary>
/// <remarks>
/// <para>
/// −ln p(target) = ln Σ exp(logit) − logit(target), with all logits shifted by the greatest. Exponentials and their sum
/// have double precision; the sum over tokens is exact, so neither the order nor the grouping of the rows changes a
/// single bit.
/// </para>
/// <para>A target whose logit is −∞ has probability 0 and infinite loss. Logits that are NaN or +∞ are an error.</para>
/// </remarks>
public static class CrossEntropy
{
    /// <summary>Computes the loss of rows of logits; <see cref="LossSummary.Empty"/> for no rows.</summary>
    /// <param name="logits">
    /// One row of V logits per target, (N, V) row-major; a batch (B, T, V) has N = B · T rows.
    /// </param>
    /// <param name="targets">The id to predict in each row, (N).</param>
    /// <param name="vocabularySize">V, at least 1.</param>
    /// <exception cref="ArgumentException">
    /// The shapes do not match, a logit is NaN or +∞, or all logits of a row are −∞.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A target is outside the vocabulary, or the vocabulary is empty.
    /// </exception>
    public static LossSummary Compute(ReadOnlySpan<float> logits, ReadOnlySpan<int> targets, int vocabularySize)
    {
        Validate(logits, targets, vocabularySize);
        var summary = LossSummary.Empty;
        for (int row = 0; row < targets.Length; row++)
        {
            summary += LossSummary.Of(NegativeLogLikelihood(logits, targets[row], vocabularySize, row));
        }

        return summary;
    }

    /// <summary>Computes the loss of each row.</summary>
    /// <param name="logits">One row of V logits per target, (N, V) row-major.</param>
    /// <param name="targets">The id to predict in each row, (N).</param>
    /// <param name="vocabularySize">V, at least 1.</param>
    /// <param name="losses">Receives −ln p(target) in nats, (N).</param>
    /// <exception cref="ArgumentException">
    /// The shapes do not match, a logit is NaN or +∞, or all logits of a row are −∞.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A target is outside the vocabulary, or the vocabulary is empty.
    /// </exception>
    public static void ComputeEach(ReadOnlySpan<float> logits, ReadOnlySpan<int> targets, int vocabularySize, Span<double> losses)
    {
        Validate(logits, targets, vocabularySize);
        if (losses.Length != targets.Length)
        {
            throw new ArgumentException($"Losses have shape ({losses.Length}); targets have shape ({targets.Length}).", nameof(losses));
        }

        for (int row = 0; row < targets.Length; row++) losses[row] = NegativeLogLikelihood(logits, targets[row], vocabularySize, row);
    }

    internal static void Validate(ReadOnlySpan<float> logits, ReadOnlySpan<int> targets, int vocabularySize)
    {
        Check.AtLeast(vocabularySize, 1, nameof(vocabularySize));
        if (logits.Length != (long)targets.Length * vocabularySize)
        {
            string shape = logits.Length % vocabularySize == 0
                ? $"shape ({logits.Length / vocabularySize}, {vocabularySize})"
                : $"{Quantity.Of(logits.Length, "element")}, not a multiple of the vocabulary size {vocabularySize},";
            throw new ArgumentException(
                $"Logits of {shape} do not match targets of shape ({targets.Length}), "
                + $"which need logits of shape ({targets.Length}, {vocabularySize}).",
                nameof(logits));
        }

        TokenIds.Validate(targets, vocabularySize, nameof(targets));
    }

    private static double NegativeLogLikelihood(ReadOnlySpan<float> logits, int target, int vocabularySize, int row)
    {
        var rowLogits = logits.Slice(row * vocabularySize, vocabularySize); // (V)
        return SoftmaxRow.Of(rowLogits, row).NegativeLogLikelihood(rowLogits[target]);
    }
}
