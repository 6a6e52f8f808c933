using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>y = sums + bias; there may be no bias.</summary>
internal readonly unsafe struct StoreSink(Matrix y, float* bias = null) : ISink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        if (bias is null) Row.Copy(sums, y.Row(row) + column, count);
        else Row.Add(sums, bias + column, y.Row(row) + column, count);
    }
}

/// <summary>
/// y = x + (sums + bias), as the branches of a block are added to the residual stream; there may be no bias, and y may
/// be x.
/// </summary>
internal readonly unsafe struct AddSink(Matrix x, float* bias, Matrix y) : ISink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        float* source = x.Row(row) + column, target = y.Row(row) + column;
        if (bias is null) Row.Add(source, sums, target, count);
        else Row.AddSum(source, sums, bias + column, target, count);
    }
}

/// <summary>x ← sums × x, as derivatives become gradients, and the same with a second matrix, if there is one.</summary>
internal readonly unsafe struct MultiplySink(Matrix x, Matrix second) : ISink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        Row.MultiplyBy(sums, x.Row(row) + column, count);
        if (second.Data is not null) Row.MultiplyBy(sums, second.Row(row) + column, count);
    }
}

/// <summary>Passes on the sums of a part of a matrix.</summary>
/// <param name="sink">The sink of the whole.</param>
/// <param name="first">The part's first output.</param>
internal readonly unsafe struct PartSink<TSink>(TSink sink, int first) : ISink
    where TSink : struct, ISink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count) => sink.Take(sums, row, first + column, count);
}
