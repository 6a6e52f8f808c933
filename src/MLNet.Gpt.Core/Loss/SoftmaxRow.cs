using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Loss;

/// <summary>What softmax needs of one row of logits: its greatest, and Σ exp(logit − greatest) in double precision.</summary>
/// <remarks>
/// Shifting by the greatest logit keeps every exponential from 0 to 1 and the sum from 1 to V, so that nothing overflows. The eight
/// lanes are those of <see cref="Vector512"/> on every machine, so that the sum does not depend on how wide its registers are.
/// </remarks>
internal readonly struct SoftmaxRow
{
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

    /// <summary>−ln p of a logit of the row: at least 0, positive infinity for a logit of −∞.</summary>
    public double NegativeLogLikelihood(float logit) => Math.Max(0, _logSum - ((double)logit - Greatest));

    /// <summary>p of a logit of the row.</summary>
    public double Probability(float logit) => Math.Exp((double)logit - Greatest) / Sum;

    /// <summary>Measures a row.</summary>
    /// <param name="logits">The row, (V).</param>
    /// <param name="row">Its number, for messages.</param>
    /// <exception cref="ArgumentException">A logit is NaN or +∞, or all are −∞: softmax has no value there.</exception>
    public static SoftmaxRow Of(ReadOnlySpan<float> logits, int row)
    {
        float greatest = Max(logits);
        return float.IsFinite(greatest) ? new SoftmaxRow(greatest, SumOfExponentials(logits, greatest)) : throw Undefined(logits, row);
    }

    private static float Max(ReadOnlySpan<float> logits)
    {
        var lanes = Vector512.Create(float.NegativeInfinity);
        var vectors = MemoryMarshal.Cast<float, Vector512<float>>(logits);
        foreach (var vector in vectors) lanes = Vector512.Max(lanes, vector); // NaN wins

        float greatest = float.NegativeInfinity;
        for (int lane = 0; lane < Vector512<float>.Count; lane++) greatest = MathF.Max(greatest, lanes[lane]);
        foreach (float logit in logits[(vectors.Length * Vector512<float>.Count)..]) greatest = MathF.Max(greatest, logit);
        return greatest;
    }

    private static double SumOfExponentials(ReadOnlySpan<float> logits, float greatest)
    {
        var shift = Vector512.Create((double)greatest);
        var lower = Vector512<double>.Zero;
        var upper = Vector512<double>.Zero;
        var vectors = MemoryMarshal.Cast<float, Vector512<float>>(logits);
        foreach (var vector in vectors)
        {
            var (first, second) = Vector512.Widen(vector);
            lower += Vector512.Exp(first - shift);
            upper += Vector512.Exp(second - shift);
        }

        double sum = Vector512.Sum(lower + upper);
        foreach (float logit in logits[(vectors.Length * Vector512<float>.Count)..]) sum += Math.Exp((double)logit - greatest);
        return sum;
    }

    private static ArgumentException Undefined(ReadOnlySpan<float> logits, int row)
    {
        for (int column = 0; column < logits.Length; column++)
        {
            if (float.IsNaN(logits[column]) || float.IsPositiveInfinity(logits[column]))
            {
                return new ArgumentException($"The logit at row {row}, column {column} is {(float.IsNaN(logits[column]) ? "NaN" : "+Infinity")}; softmax needs numbers below infinity.", nameof(logits));
            }
        }

        return new ArgumentException($"Every logit of row {row} is -Infinity; softmax needs at least one finite number.", nameof(logits));
    }
}
