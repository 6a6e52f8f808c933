using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Generation;

/// <summary>Passes over the logits of one position.</summary>
internal static class LogitScan
{
    /// <summary>The largest logit.</summary>
    /// <exception cref="ArgumentException">A logit is NaN, or there is none, or none is finite.</exception>
    public static float Max(ReadOnlySpan<float> logits)
    {
        if (logits.IsEmpty) throw new ArgumentException("There are no logits to choose a token by.", nameof(logits));
        ref float first = ref MemoryMarshal.GetReference(logits);
        float max = float.NegativeInfinity;
        int i = 0;
        if (logits.Length >= Vector256<float>.Count)
        {
            // Vector256.Max is IEEE 754's maximum: a NaN anywhere ends up in the result.
            var lanes = Vector256.LoadUnsafe(ref first);
            for (; i <= logits.Length - Vector256<float>.Count; i += Vector256<float>.Count) lanes = Vector256.Max(lanes, Vector256.LoadUnsafe(ref first, (nuint)i));
            for (int lane = 0; lane < Vector256<float>.Count; lane++) max = MathF.Max(max, lanes[lane]);
        }

        for (; i < logits.Length; i++) max = MathF.Max(max, logits[i]);
        return float.IsFinite(max) ? max : throw Unusable(logits, max);
    }

    /// <summary>The id of the largest logit, the lowest id where several are equal, as <c>torch.argmax</c> on a CPU.</summary>
    /// <exception cref="ArgumentException">A logit is NaN, or there is none, or none is finite.</exception>
    public static int ArgMax(ReadOnlySpan<float> logits)
    {
        var max = Vector256.Create(Max(logits));
        ref float first = ref MemoryMarshal.GetReference(logits);
        int i = 0;
        for (; i <= logits.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            uint equal = Vector256.Equals(max, Vector256.LoadUnsafe(ref first, (nuint)i)).ExtractMostSignificantBits();
            if (equal != 0) return i + int.TrailingZeroCount((int)equal);
        }

        while (logits[i] != max[0]) i++;
        return i;
    }

    /// <summary>ln Σ exp(logit), in double.</summary>
    public static double LogSumExp(ReadOnlySpan<float> logits)
    {
        float max = Max(logits);
        Span<double> weights = stackalloc double[256];
        double sum = 0;
        for (int start = 0; start < logits.Length; start += weights.Length)
        {
            var part = logits[start..Math.Min(start + weights.Length, logits.Length)];
            for (int i = 0; i < part.Length; i++) weights[i] = part[i] - (double)max;
            StableExponential.Apply(weights[..part.Length]);
            foreach (double weight in weights[..part.Length]) sum += weight;
        }

        return max + Math.Log(sum);
    }

    private static ArgumentException Unusable(ReadOnlySpan<float> logits, float max)
    {
        int id = 0;
        while (id < logits.Length && !float.IsNaN(logits[id])) id++;
        if (id < logits.Length) return new($"The logit of token {id} is NaN; no token can be chosen. The model's weights or input are damaged.", nameof(logits));
        return max > 0
            ? new($"The logit of token {logits.IndexOf(max)} is infinite; no token can be chosen. The model's weights or input are damaged.", nameof(logits))
            : new("Every logit is −∞; no token can be chosen.", nameof(logits));
    }
}
