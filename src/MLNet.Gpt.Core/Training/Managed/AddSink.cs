using System.Runtime.CompilerServices;

namespace MLNet.Gpt.Training.Managed;

/// <summary>y += sums.</summary>
internal readonly unsafe struct AddSink(Matrix y) : ITileSink
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(float* sums, int row, int column, int count) => Row.Add(sums, y.Row(row) + column, count);
}
