namespace MLNet.Gpt.Checkpoints.Exporting;

/// <summary>A matrix whose columns are read as rows: taken into memory at its first element, let go at its last.</summary>
internal sealed class TransposedElements(ExportTensor matrix)
{
    private const int Tile = 32; // 32 rows of 32 elements: both tiles stay in the first cache

    private float[]? _elements;

    public void Read(long start, Span<float> destination)
    {
        _elements ??= Transpose();
        _elements.AsSpan(checked((int)start), destination.Length).CopyTo(destination);
        if (start + destination.Length == _elements.Length) _elements = null;
    }

    private float[] Transpose()
    {
        int rows = matrix.Shape[0], columns = matrix.Shape[1];
        float[] transposed = new float[matrix.ElementCount];
        float[] strip = new float[Tile * columns];
        for (int row = 0; row < rows; row += Tile)
        {
            int height = Math.Min(Tile, rows - row);
            matrix.Read((long)row * columns, strip.AsSpan(0, height * columns));
            for (int column = 0; column < columns; column += Tile)
            {
                int end = Math.Min(columns, column + Tile);
                for (int c = column; c < end; c++)
                {
                    for (int r = 0; r < height; r++) transposed[((long)c * rows) + row + r] = strip[(r * columns) + c];
                }
            }
        }

        return transposed;
    }
}
