using System.Numerics.Tensors;

namespace MLNet.Gpt.Numerics.Softmax;

/// <summary>
/// What a softmax needs to know about a row of logits: the greatest logit, and Σ exp(logit − greatest) in double
/// precision.
/// </summary>
/// <remarks>
/// The shift by the greatest logit keeps every exponential between 0 and 1 and the sum between 1 and V, so that nothing
/// overflows. Exponentials and sums come from <see cref="SoftmaxWeights"/>, with the same bits on every machine.
/// </remarks>
internal readonly struct SoftmaxRow
{
    private const int BlockLength = 512;

    private readonly double _logSum;

    private SoftmaxRow(float greatest, double sum)
    {
        Greatest = greatest;
        Sum = sum;
        _logSum = Math.Log(sum);
    }

    /// <summary>The greatest logit; finite.</summary>
    public float Greatest { get; }

    /// <summary>Σ exp(logit − greatest), from 1 to V.</summary>
    public double Sum { get; }

    /// <summary>ln Σ exp(logit).</summary>
    public double LogSumExp => Greatest + _logSum;

    /// <summary>Returns −ln p of a logit of the row: at least 0, positive infinity for a logit of −∞.</summary>
    public double NegativeLogLikelihood(float logit) => Math.Max(0, _logSum - ((double)logit - Greatest));

    /// <summary>Returns p of a logit of the row.</summary>
    public double Probability(float logit) => Math.Exp((double)logit - Greatest) / Sum;

    /// <summary>Computes a row.</summary>
    /// <param name="logits">The row, (V).</param>
    /// <param name="row">The number of the row, for messages.</param>
    /// <exception cref="ArgumentException">A logit is NaN or +∞, or all are −∞: softmax is not defined there.</exception>
    public static SoftmaxRow Of(ReadOnlySpan<float> logits, int row)
    {
        float greatest = TensorPrimitives.Max(logits); // NaN if any logit is
        return float.IsFinite(greatest) ? Of(logits, greatest) : throw Undefined(logits, row);
    }

    /// <summary>Computes a row whose greatest logit is known and finite.</summary>
    public static SoftmaxRow Of(ReadOnlySpan<float> logits, float greatest)
    {
        Span<double> weights = stackalloc double[BlockLength];
        double sum = 0;
        for (int start = 0; start < logits.Length; start += BlockLength)
        {
            var block = logits[start..Math.Min(start + BlockLength, logits.Length)];
            SoftmaxWeights.Of(block, greatest, 1, weights);
            sum += SoftmaxWeights.Sum(weights[..block.Length]);
        }

        return new(greatest, sum);
    }

    private static ArgumentException Undefined(ReadOnlySpan<float> logits, int row)
    {
        for (int column = 0; column < logits.Length; column++)
        {
            if (!float.IsNaN(logits[column]) && !float.IsPositiveInfinity(logits[column])) continue;
            string value = float.IsNaN(logits[column]) ? "NaN" : "+Infinity";
            return new ArgumentException(
                $"The logit at row {row}, column {column} is {value}; softmax needs numbers below infinity.", nameof(logits));
        }

        return new ArgumentException($"Every logit of row {row} is -Infinity; softmax needs at least one finite number.", nameof(logits));
    }
}
