using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// What happens to queries and keys before attention: each head is normalized, if the decoder has norms for that, and
/// rotated by its position, if it has rotary positions. Values stay as they are.
/// </summary>
/// <remarks>
/// With the pair (a, b) = (x[i], x[i + hs / 2]) and the angle θ = position × frequency i: a′ = a cos θ − b sin θ, b′ = b cos
/// θ + a sin θ. The gradient is turned back by the same angle. Source: Su et al., "RoFormer" (2021), section 3.4, in the
/// pairing of GPT-NeoX.
/// </remarks>
/// <param name="shape">The sizes.</param>
/// <param name="angles">
/// The cosines and sines of each row, (N, hs): first all cosines, then all sines; <see langword="null"/> if nothing is rotated.
/// </param>
/// <param name="queryNorm">The norm of queries, of hs numbers, if there is one.</param>
/// <param name="keyNorm">The norm of keys, if there is one.</param>
internal readonly unsafe struct Rotary(AttentionShape shape, float* angles, Norm? queryNorm, Norm? keyNorm)
{
    /// <summary>Whether there is anything to do.</summary>
    public bool IsActive => angles is not null || queryNorm is not null;

    /// <summary>
    /// Returns the size of the scratch that <see cref="Backward"/> needs: a scale and an unused shift for both norms.
    /// </summary>
    public static long PartsLengthOf(int rows, int headSize) => 4L * headSize * Norm.PartCountOf(rows);

    /// <summary>Computes cosines and sines of a position, (hs).</summary>
    /// <remarks>The angle is rounded to single precision first, as in PyTorch, in which the models were trained.</remarks>
    public static void Fill(float[] frequencies, int position, float* row)
    {
        for (int i = 0; i < frequencies.Length; i++)
        {
            var (sine, cosine) = Math.SinCos(position * frequencies[i]);
            row[i] = (float)cosine;
            row[frequencies.Length + i] = (float)sine;
        }
    }

    /// <summary>Normalizes and rotates queries and keys, (N, (nh + 2 nkv) hs).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="projected">Queries, keys and values.</param>
    /// <param name="rotated">Receives them; may be the input.</param>
    public void Forward(Compute compute, Matrix projected, Matrix rotated)
    {
        var rotary = this;
        compute.ForEachRow(projected.Rows, row => rotary.ForwardRow(row, projected.Row(row), rotated.Row(row)));
    }

    /// <summary>
    /// Computes the gradient before norms and rotation from that after them, in place, and adds to the gradients of the
    /// norms' scales.
    /// </summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="projected">Queries, keys and values before.</param>
    /// <param name="gradient">Their gradient.</param>
    /// <param name="queryGradient">(hs); <see langword="null"/> if it is not needed.</param>
    /// <param name="keyGradient">(hs); <see langword="null"/> if it is not needed.</param>
    /// <param name="parts">Scratch of <see cref="PartsLengthOf"/>.</param>
    public void Backward(
        Compute compute, Matrix projected, Matrix gradient, float* queryGradient, float* keyGradient, float* parts)
    {
        var rotary = this;
        int size = shape.HeadSize, partCount = Norm.PartCountOf(projected.Rows);
        compute.ForEach(partCount, part =>
        {
            float* sums = parts + (4L * part * size);
            Row.Clear(sums, 4 * size);
            var (first, end) = Norm.RowsOf(part, projected.Rows);
            for (int row = first; row < end; row++) rotary.BackwardRow(row, projected.Row(row), gradient.Row(row), sums);
        });
        if (queryNorm is null) return;
        if (queryGradient is not null) Linear.AddColumnSums(compute, new(parts, partCount, size, 4 * size), queryGradient);
        if (keyGradient is not null) Linear.AddColumnSums(compute, new(parts + (2 * size), partCount, size, 4 * size), keyGradient);
    }

    private void ForwardRow(int row, float* source, float* target)
    {
        int size = shape.HeadSize, heads = shape.HeadCount + shape.KeyHeadCount;
        float* cosines = angles + ((long)row * size);
        for (int head = 0; head < heads; head++)
        {
            float* x = source + (head * size), y = target + (head * size);
            if ((head < shape.HeadCount ? queryNorm : keyNorm) is { } norm)
            {
                norm.Apply(x, size, y);
                x = y;
            }

            if (angles is not null) Turn(x, cosines, cosines + (size / 2), 1, y, size / 2);
            else if (x != y) Row.Copy(x, y, size);
        }

        if (source != target) Row.Copy(source + (heads * size), target + (heads * size), shape.KeyHeadCount * size);
    }

    private void BackwardRow(int row, float* source, float* gradient, float* sums)
    {
        int size = shape.HeadSize, heads = shape.HeadCount + shape.KeyHeadCount;
        float* cosines = angles + ((long)row * size);
        float* statistics = stackalloc float[2];
        float* outputs = ThreadScratch.Get(size);
        for (int head = 0; head < heads; head++)
        {
            float* x = source + (head * size), dx = gradient + (head * size);
            if (angles is not null) Turn(dx, cosines, cosines + (size / 2), -1, dx, size / 2);
            if ((head < shape.HeadCount ? queryNorm : keyNorm) is not { } norm) continue;
            norm.Measure(x, size, statistics);
            Row.Copy(dx, outputs, size);
            Row.Clear(dx, size);
            float* ofNorm = sums + (head < shape.HeadCount ? 0 : 2 * size);
            norm.BackwardRow(x, statistics, outputs, dx, ofNorm, ofNorm + size, size);
        }
    }

    // Turns the pairs (x[i], x[i + half]); the direction is 1 or -1.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Turn(float* x, float* cosines, float* sines, float direction, float* y, int half)
    {
        for (int i = 0; i < half; i += Lanes.Count)
        {
            Vector512<float> a = Row.Load(x, i, half), b = Row.Load(x + half, i, half);
            Vector512<float> cosine = Row.Load(cosines, i, half), sine = Row.Load(sines, i, half) * direction;
            Row.Store((a * cosine) - (b * sine), y, i, half);
            Row.Store((b * cosine) + (a * sine), y + half, i, half);
        }
    }
}
