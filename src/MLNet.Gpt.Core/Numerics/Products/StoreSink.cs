using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>y = sums + bias; there may be no bias.</summary>
internal readonly unsafe struct StoreSink(Matrix y, float* bias = null) : ITileSink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        if (bias is null) Row.Copy(sums, y.Row(row) + column, count);
        else Elementwise.Add(sums, bias + column, y.Row(row) + column, count);
    }
}
