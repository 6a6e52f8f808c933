using System.Diagnostics;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Generation.Sampling;

/// <summary>Passes over the logits of one position.</summary>
internal static class LogitScan
{
    /// <summary>The largest logit.</summary>
    /// <exception cref="InvalidOperationException">A logit is NaN, or the largest is not finite.</exception>
    public static float Max(ReadOnlySpan<float> logits)
    {
        Debug.Assert(!logits.IsEmpty, "There are no logits to choose a token by.");
        float max = TensorPrimitives.Max(logits); // NaN where any is.
        return float.IsFinite(max) ? max : throw Unusable(logits, max);
    }

    /// <summary>The id of the largest logit, the lowest id where several are equal, as <c>torch.argmax</c> on a CPU.</summary>
    /// <inheritdoc cref="Max" path="/exception"/>
    public static int ArgMax(ReadOnlySpan<float> logits)
    {
        // Not TensorPrimitives.IndexOfMax, to which 0 is more than −0.
        var max = Vector512.Create(Max(logits));
        ref float first = ref MemoryMarshal.GetReference(logits);
        int i = 0;
        for (; i <= logits.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            ulong equal = Vector512.Equals(max, Vector512.LoadUnsafe(ref first, (nuint)i)).ExtractMostSignificantBits();
            if (equal != 0) return i + BitOperations.TrailingZeroCount(equal);
        }

        while (logits[i] != max[0]) i++;
        return i;
    }

    /// <summary>ln Σ exp(logit), in double.</summary>
    public static double LogSumExp(ReadOnlySpan<float> logits)
    {
        float max = Max(logits);
        Span<double> weights = stackalloc double[512];
        double sum = 0;
        for (int start = 0; start < logits.Length; start += weights.Length)
        {
            var part = logits[start..Math.Min(start + weights.Length, logits.Length)];
            Weights.Of(part, max, 1, weights);
            sum += Weights.Sum(weights[..part.Length]);
        }

        return max + Math.Log(sum);
    }

    private static InvalidOperationException Unusable(ReadOnlySpan<float> logits, float max)
    {
        int id = 0;
        while (id < logits.Length && !float.IsNaN(logits[id])) id++;
        if (id < logits.Length) return new($"The logit of token {id} is NaN; no token can be chosen. The model's weights hold NaN or its activations overflow.");
        return max > 0
            ? new($"The logit of token {logits.IndexOf(max)} is infinite; no token can be chosen. The model's weights or its activations overflow.")
            : new("Every logit is −∞; no token can be chosen.");
    }
}
