using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>The contribution of a chunk of one position's logits to the entropy of the prediction.</summary>
/// <remarks>H = −Σ p ln p = ln S − W / S, where S = Σ e^(x − m), W = Σ e^(x − m) (x − m), and m is the greatest logit.</remarks>
internal static unsafe class EntropySum
{
    // e^-100 is 0 in single precision: a logit of −∞ must not make 0 · ∞.
    private const float Least = -100;

    /// <summary>W of a chunk, where m is the chunk's own greatest logit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Of(float* logits, int count, float maximum)
    {
        int whole = count & ~(Lanes.Count - 1), rest = count - whole;
        var shift = Vector512.Create(maximum);
        var least = Vector512.Create(Least);
        var sums = rest > 0 ? Term(Lanes.LoadPartial(logits + whole, rest, maximum) - shift, least) : Vector512<float>.Zero;
        for (int i = 0; i < whole; i += Lanes.Count) sums += Term(Vector512.Load(logits + i) - shift, least);
        return Lanes.Sum(sums);
    }

    /// <summary>The entropy in nats from the chunks of one position, in their order.</summary>
    public static double Combine(ReadOnlySpan<LogSumExp> chunks, ReadOnlySpan<float> sums)
    {
        double maximum = double.NegativeInfinity, s = 0, w = 0;
        foreach (var chunk in chunks) maximum = Math.Max(maximum, chunk.Maximum);
        for (int i = 0; i < chunks.Length; i++)
        {
            double shift = chunks[i].Maximum - maximum, factor = Math.Exp(shift);
            s += chunks[i].Sum * factor;
            if (factor > 0) w += (sums[i] + (chunks[i].Sum * shift)) * factor;
        }

        return Math.Max(0, Math.Log(s) - (w / s));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Term(Vector512<float> difference, Vector512<float> least)
    {
        var bounded = Vector512.Max(difference, least);
        return Exponential.Of(bounded) * bounded;
    }
}
