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

/// <summary>y += sums + bias, as the branches of a block are added to the residual stream; there may be no bias.</summary>
internal readonly unsafe struct AddSink(Matrix y, float* bias = null) : ISink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        float* target = y.Row(row) + column;
        if (bias is null) Row.AddTo(sums, target, count);
        else Row.AddSum(target, sums, bias + column, target, count);
    }
}
