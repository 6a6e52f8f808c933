using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>y += sums.</summary>
internal readonly unsafe struct AddSink(Matrix y) : ITileSink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count) => Row.Add(sums, y.Row(row) + column, count);
}
