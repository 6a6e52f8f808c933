using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>The update s B A of some adjacent outputs of a matrix, with B as Bᵀ in memory that someone else owns.</summary>
/// <param name="FirstOutput">The first output.</param>
/// <param name="Outputs">The number of outputs.</param>
/// <param name="FirstRank">The first of its rows among the stacked rows of A.</param>
/// <param name="Rank">r.</param>
/// <param name="Scale">s.</param>
/// <param name="B">Bᵀ, (r, outputs), dense.</param>
internal readonly unsafe record struct LowRankPart(int FirstOutput, int Outputs, int FirstRank, int Rank, float Scale, nint B)
{
    /// <summary>Bᵀ, (r, outputs).</summary>
    public Matrix Transposed => new((float*)B, Rank, Outputs, Outputs);
}

/// <summary>
/// Low-rank updates of a matrix (out, in): y = x Wᵀ + Σ s (x Aᵀ) Bᵀ. The product with W passes its sums through a sink that
/// adds the rest, so nothing of the size of y is stored, whatever the form of W.
/// </summary>
/// <remarks>
/// All A are stacked in one matrix, (R, in), so that x is read once. Every sum runs over the product with W, then over the ranks in
/// order, whatever the number of rows and threads.
/// </remarks>
/// <param name="a">The stacked rows of A, (R, in).</param>
/// <param name="parts">The updates.</param>
/// <param name="owner">Keeps the memory alive.</param>
internal sealed unsafe class LowRank(Matrix a, LowRankPart[] parts, object? owner = null)
{
    /// <summary>Ranks of all updates together, R.</summary>
    public int Rank => a.Rows;

    /// <summary>The stacked rows of A, (R, in).</summary>
    public Matrix A => a;

    /// <summary>The updates.</summary>
    public IReadOnlyList<LowRankPart> Parts => parts;

    /// <summary>Keeps the memory alive.</summary>
    public object? Owner => owner;

    /// <summary>Copies updates into memory of their own, after those that a matrix already has.</summary>
    /// <param name="existing">The updates that the matrix already has.</param>
    /// <param name="added">The first output, the rank, the scale, A (r, in) and B (out, r) of each.</param>
    public static LowRank Create(LowRank? existing, IReadOnlyList<(int FirstOutput, int Rank, float Scale, float[] A, float[] B)> added)
    {
        int columns = added[0].A.Length / added[0].Rank, before = existing?.Rank ?? 0, rank = before + added.Sum(each => each.Rank);
        float[] a = GC.AllocateUninitializedArray<float>(rank * columns, pinned: true);
        var owners = new List<object?> { a, existing?.Owner };
        if (existing is not null) new ReadOnlySpan<float>(existing.A.Data, before * columns).CopyTo(a);
        var parts = new List<LowRankPart>(existing?.Parts ?? []);
        foreach (var each in added)
        {
            each.A.CopyTo(a, before * columns);
            float[] b = GC.AllocateUninitializedArray<float>(each.B.Length, pinned: true);
            owners.Add(b);
            int outputs = b.Length / each.Rank;
            Transpose(each.B, outputs, b);
            parts.Add(new(each.FirstOutput, outputs, before, each.Rank, each.Scale, (nint)Unsafe.AsPointer(ref b[0])));
            before += each.Rank;
        }

        return new(new((float*)Unsafe.AsPointer(ref a[0]), rank, columns, columns), [.. parts], owners);
    }

    /// <summary>Transposes (rows, columns) to (columns, rows).</summary>
    public static void Transpose(ReadOnlySpan<float> source, int rows, Span<float> target)
    {
        int columns = source.Length / rows;
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++) target[(column * rows) + row] = source[(row * columns) + column];
        }
    }

    /// <summary>Computes z = s x Aᵀ, (N, in) -> (N, R).</summary>
    public void Project(Compute compute, Matrix x, float* z)
    {
        var target = new Matrix(z, x.Rows, Rank, Rank);
        BlockedProduct.Run(compute, x, new TransposedPanels(a, compute.Kernels), new StoreSink(target));
        foreach (var part in parts) Scale(target.SliceColumns(part.FirstRank, part.Rank), part.Scale);
    }

    /// <summary>Computes u = s dy B, (N, outputs) -> (N, R), from the gradients of some adjacent outputs.</summary>
    public void ProjectGradient(Compute compute, Matrix dy, int firstOutput, float* u)
    {
        var target = new Matrix(u, dy.Rows, Rank, Rank);
        foreach (var part in parts)
        {
            var z = target.SliceColumns(part.FirstRank, part.Rank);
            int first = Math.Max(firstOutput, part.FirstOutput);
            int end = Math.Min(firstOutput + dy.Columns, part.FirstOutput + part.Outputs);
            if (first >= end)
            {
                for (int row = 0; row < z.Rows; row++) Row.Clear(z.Row(row), z.Columns);
                continue;
            }

            BlockedProduct.Run(
                compute,
                dy.SliceColumns(first - firstOutput, end - first),
                new TransposedPanels(part.Transposed.SliceColumns(first - part.FirstOutput, end - first), compute.Kernels),
                new StoreSink(z));
            Scale(z, part.Scale);
        }
    }

    /// <summary>sums += Σ z Bᵀ for the columns column … column + count − 1 of a row.</summary>
    public void AddOutputs(float* sums, float* z, int column, int count)
    {
        foreach (ref readonly var part in parts.AsSpan())
        {
            int first = Math.Max(column, part.FirstOutput), end = Math.Min(column + count, part.FirstOutput + part.Outputs);
            if (first >= end) continue;
            float* b = (float*)part.B + (first - part.FirstOutput);
            AddRows(b, part.Outputs, z + part.FirstRank, part.Rank, sums + (first - column), end - first);
        }
    }

    /// <summary>sums += u A for the columns column … column + count − 1 of a row.</summary>
    public void AddInputs(float* sums, float* u, int column, int count) => AddRows(a.Data + column, a.Stride, u, Rank, sums, count);

    /// <summary>Adds the updates to the weights of one output.</summary>
    public void AddToRow(int output, float* weights)
    {
        foreach (var part in parts)
        {
            int index = output - part.FirstOutput;
            if (index < 0 || index >= part.Outputs) continue;
            float[] factors = ArrayPool<float>.Shared.Rent(part.Rank);
            fixed (float* z = factors)
            {
                for (int r = 0; r < part.Rank; r++) z[r] = part.Scale * ((float*)part.B)[((nint)r * part.Outputs) + index];
                AddRows(a.Row(part.FirstRank), a.Stride, z, part.Rank, weights, a.Columns);
            }

            ArrayPool<float>.Shared.Return(factors);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddRows(float* rows, nint stride, float* factors, int count, float* sums, int length)
    {
        for (int i = 0; i < length; i += Lanes.Count)
        {
            var sum = Row.Load(sums, i, length);
            float* row = rows;
            for (int r = 0; r < count; r++, row += stride)
            {
                sum = Vector512.MultiplyAddEstimate(Vector512.Create(factors[r]), Row.Load(row, i, length), sum);
            }

            Row.Store(sum, sums, i, length);
        }
    }

    private static void Scale(Matrix values, float factor)
    {
        for (int row = 0; row < values.Rows; row++) Row.Scale(values.Row(row), factor, values.Row(row), values.Columns);
    }
}

/// <summary>Adds low-rank updates to the sums of a product with W before another sink takes them.</summary>
/// <param name="update">The updates.</param>
/// <param name="z">What <see cref="LowRank.Project"/> has computed for all rows.</param>
/// <param name="sink">Takes the results.</param>
internal readonly unsafe struct LowRankSink<TSink>(LowRank update, float* z, TSink sink) : ISink
    where TSink : struct, ISink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        update.AddOutputs(sums, z + ((nint)row * update.Rank), column, count);
        sink.Take(sums, row, column, count);
    }
}

/// <summary>Adds what low-rank updates contribute to the gradient of the inputs before another sink takes it.</summary>
/// <param name="update">The updates.</param>
/// <param name="u">What <see cref="LowRank.ProjectGradient"/> has computed for all rows.</param>
/// <param name="sink">Takes the results.</param>
internal readonly unsafe struct LowRankGradientSink<TSink>(LowRank update, float* u, TSink sink) : ISink
    where TSink : struct, ISink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        update.AddInputs(sums, u + ((nint)row * update.Rank), column, count);
        sink.Take(sums, row, column, count);
    }
}

/// <summary>Adds rows of a matrix to the sums before another sink takes them.</summary>
internal readonly unsafe struct AddedSink<TSink>(Matrix added, TSink sink) : ISink
    where TSink : struct, ISink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        Row.AddTo(added.Row(row) + column, sums, count);
        sink.Take(sums, row, column, count);
    }
}
