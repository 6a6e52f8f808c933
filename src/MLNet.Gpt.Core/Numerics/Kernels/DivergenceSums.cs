using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Softmax;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>The contribution of a chunk of one position's logits, x of a reference and y of a model, to their divergence.</summary>
/// <remarks>
/// <para>
/// KL(p ‖ q) = Σ p (ln p − ln q) = W / S − ln S + ln R, where S = Σ e^(x − m), R = Σ e^(y − n), W = Σ e^(x − m) ((x − m) − (y − n)),
/// and m and n are the greatest logits.
/// </para>
/// <para>
/// Everything is in double precision, with an exponential whose bits are the same on every machine: in single precision, the errors of S
/// and R would not cancel and would be as large as the divergence of two models that differ by little. Equal logits give exactly 0.
/// </para>
/// </remarks>
/// <param name="Sum">S with the chunk's own m.</param>
/// <param name="OtherSum">R with the chunk's own n.</param>
/// <param name="Weighted">W with the chunk's own m and n.</param>
/// <param name="Top">The index in the chunk of the first of the greatest x.</param>
/// <param name="OtherTop">The same of y.</param>
internal readonly unsafe record struct DivergenceSums(double Sum, double OtherSum, double Weighted, int Top, int OtherTop)
{
    private const int Step = 8;

    /// <summary>Measures a chunk.</summary>
    /// <param name="x">The reference's logits, at least one.</param>
    /// <param name="y">The model's logits of the same ids.</param>
    /// <param name="count">How many.</param>
    /// <param name="maximum">The greatest of x.</param>
    /// <param name="otherMaximum">The greatest of y.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static DivergenceSums Of(float* x, float* y, int count, float maximum, float otherMaximum)
    {
        var m = Vector512.Create((double)maximum);
        var n = Vector512.Create((double)otherMaximum);
        Vector512<double> s = default, r = default, w = default;
        int i = 0;
        for (; i + Step <= count; i += Step) Add(Load(x + i) - m, Load(y + i) - n, ref s, ref r, ref w);
        if (i < count)
        {
            float* last = stackalloc float[Step], otherLast = stackalloc float[Step];
            for (int j = 0; j < Step; j++)
            {
                bool isThere = i + j < count;
                last[j] = isThere ? x[i + j] : float.NegativeInfinity;
                otherLast[j] = isThere ? y[i + j] : float.NegativeInfinity;
            }

            Add(Load(last) - m, Load(otherLast) - n, ref s, ref r, ref w);
        }

        return new(Sum8(s), Sum8(r), Sum8(w), IndexOf(maximum, x, count), IndexOf(otherMaximum, y, count));
    }

    /// <summary>
    /// The divergence in nats from the chunks of one position, in their order. At least 0: what rounding makes negative, at most some
    /// 10⁻¹⁴, is 0. Positive infinity if the model rules out a token that the reference does not.
    /// </summary>
    /// <param name="sums">The chunks.</param>
    /// <param name="reference">The same chunks of the reference's logits alone.</param>
    /// <param name="model">Those of the model's.</param>
    /// <param name="isSameTop">Whether the greatest logit is that of the same id; among equals the lower id counts.</param>
    public static double Combine(
        ReadOnlySpan<DivergenceSums> sums, ReadOnlySpan<LogSumExp> reference, ReadOnlySpan<LogSumExp> model, out bool isSameTop)
    {
        int top = FirstGreatest(reference), otherTop = FirstGreatest(model);
        isSameTop = top == otherTop && sums[top].Top == sums[top].OtherTop;
        double s = 0, r = 0, w = 0;
        for (int i = 0; i < sums.Length; i++)
        {
            double shift = (double)reference[i].Maximum - reference[top].Maximum;
            double otherShift = (double)model[i].Maximum - model[otherTop].Maximum, factor = Math.Exp(shift);
            s += sums[i].Sum * factor;
            r += sums[i].OtherSum * Math.Exp(otherShift);
            if (factor > 0) w += (sums[i].Weighted + (sums[i].Sum * (shift - otherShift))) * factor;
        }

        return Math.Max(0, (w / s) - Math.Log(s) + Math.Log(r));
    }

    private static int FirstGreatest(ReadOnlySpan<LogSumExp> chunks)
    {
        int first = 0;
        for (int i = 1; i < chunks.Length; i++)
        {
            if (chunks[i].Maximum > chunks[first].Maximum) first = i;
        }

        return first;
    }

    // Returns -1 if the maximum is NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int IndexOf(float maximum, float* logits, int count)
    {
        var sought = Vector512.Create(maximum);
        int i = 0;
        while (i + Lanes.Count <= count && !Vector512.EqualsAny(Vector512.Load(logits + i), sought)) i += Lanes.Count;
        for (; i < count; i++)
        {
            if (logits[i] == maximum) return i;
        }

        return -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        Vector512<double> x, Vector512<double> y, ref Vector512<double> s, ref Vector512<double> r, ref Vector512<double> w)
    {
        var p = StableExponential.Of(x);
        s += p;
        r += StableExponential.Of(y);

        // A token that the reference rules out counts as 0, whatever the model says of it.
        w += Vector512.ConditionalSelect(Vector512.Equals(p, Vector512<double>.Zero), Vector512<double>.Zero, p * (x - y));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Load(float* source)
    {
        var (lower, upper) = Vector256.Widen(Vector256.Load(source));
        return Vector512.Create(lower, upper);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Sum8(Vector512<double> value)
    {
        var four = value.GetLower() + value.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }
}
