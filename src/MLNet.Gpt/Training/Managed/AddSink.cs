namespace MLNet.Gpt.Training.Managed;

/// <summary>y += sums.</summary>
internal readonly unsafe struct AddSink(Matrix y) : ITileSink
{
    public void Take(float* sums, int row, int column, int count) => Row.Add(sums, y.Row(row) + column, count);
}
