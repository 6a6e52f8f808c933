using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>u = sums + bias, kept for the backward pass, and y = GELU(u).</summary>
internal readonly unsafe struct GeluSink(Matrix u, Matrix y, float* bias) : ITileSink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count)
    {
        Elementwise.Add(sums, bias + column, u.Row(row) + column, count);
        Gelu.Forward(u.Row(row) + column, y.Row(row) + column, count);
    }
}
