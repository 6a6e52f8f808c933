using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>The contribution of a chunk of one position's logits to its loss.</summary>
/// <param name="Maximum">The greatest logit.</param>
/// <param name="Sum">Σ e^(logit − maximum).</param>
/// <param name="AboveTarget">How many logits exceed the target's.</param>
internal readonly unsafe record struct LogSumExp(float Maximum, float Sum, int AboveTarget)
{
    /// <summary>Measures a chunk of logits.</summary>
    /// <param name="logits">At least one logit.</param>
    /// <param name="count">How many.</param>
    /// <param name="target">The target's logit, which may be in any chunk.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static LogSumExp Of(float* logits, int count, float target)
    {
        int whole = count & ~(Lanes.Count - 1), rest = count - whole;
        var targets = Vector512.Create(target);
        var last = rest > 0 ? Lanes.LoadPartial(logits + whole, rest, float.NegativeInfinity) : Vector512.Create(float.NegativeInfinity);
        var maxima = last;
        var above = -Vector512.GreaterThan(last, targets).AsInt32();
        for (int i = 0; i < whole; i += Lanes.Count)
        {
            var chunk = Vector512.Load(logits + i);
            maxima = Vector512.Max(maxima, chunk);
            above -= Vector512.GreaterThan(chunk, targets).AsInt32();
        }

        float maximum = Lanes.Max(maxima);
        var shift = Vector512.Create(maximum);
        var sums = Exponential.Of(last - shift);
        for (int i = 0; i < whole; i += Lanes.Count) sums += Exponential.Of(Vector512.Load(logits + i) - shift);
        return new(maximum, Lanes.Sum(sums), Vector512.Sum(above));
    }

    /// <summary>ln Σ e^logit over all chunks, in their order.</summary>
    public static double Combine(ReadOnlySpan<LogSumExp> chunks)
    {
        double maximum = double.NegativeInfinity, sum = 0;
        foreach (var chunk in chunks) maximum = Math.Max(maximum, chunk.Maximum);
        foreach (var chunk in chunks) sum += chunk.Sum * Math.Exp(chunk.Maximum - maximum);
        return maximum + Math.Log(sum);
    }
}
