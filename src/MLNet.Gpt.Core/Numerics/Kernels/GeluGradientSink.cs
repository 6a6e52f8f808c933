using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>du = sums × GELU′(u), where the sums are the gradient of GELU(u).</summary>
internal readonly unsafe struct GeluGradientSink(Matrix u, Matrix du) : ITileSink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count) => Gelu.Backward(u.Row(row) + column, sums, du.Row(row) + column, count);
}
