using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Softmax;

/// <summary>Unnormalized probabilities and their sums, in double precision and in an order that is the same on every machine.</summary>
internal static class SoftmaxWeights
{
    /// <summary>Computes exp((logit − max) / temperature) for each logit: 1 for the greatest.</summary>
    public static void Of(ReadOnlySpan<float> logits, float max, double temperature, Span<double> weights)
    {
        ref float source = ref MemoryMarshal.GetReference(logits);
        ref double target = ref MemoryMarshal.GetReference(weights[..logits.Length]);
        var maxima = Vector512.Create((double)max);
        var divisors = Vector512.Create(temperature);
        int i = 0;
        for (; i <= logits.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var (lower, upper) = Vector512.Widen(Vector512.LoadUnsafe(ref source, (nuint)i));
            ((lower - maxima) / divisors).StoreUnsafe(ref target, (nuint)i);
            ((upper - maxima) / divisors).StoreUnsafe(ref target, (nuint)(i + Vector512<double>.Count));
        }

        for (; i < logits.Length; i++) weights[i] = (logits[i] - (double)max) / temperature;
        StableExponential.Apply(weights[..logits.Length]);
    }

    /// <summary>Returns the sum, computed as eight sums of every eighth weight, which are then added up.</summary>
    public static double Sum(ReadOnlySpan<double> weights)
    {
        ref double first = ref MemoryMarshal.GetReference(weights);
        var lanes = Vector512<double>.Zero;
        int i = 0;
        for (; i <= weights.Length - Vector512<double>.Count; i += Vector512<double>.Count)
        {
            lanes += Vector512.LoadUnsafe(ref first, (nuint)i);
        }

        double sum = 0;
        for (int lane = 0; lane < Vector512<double>.Count; lane++) sum += lanes[lane];
        for (; i < weights.Length; i++) sum += weights[i];
        return sum;
    }
}
