using MLNet.Gpt.Formats.Exporting;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>A matrix whose columns are read as rows: taken into memory at its first element, let go at its last.</summary>
internal sealed class TransposedElements(ExportTensor matrix)
{
    private const int Tile = 32; // 32 rows of 32 elements: both tiles stay in the first cache
    private const int RowsPerRead = 8 * Tile; // a source that lies the other way round itself reads many rows at the cost of few

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
        float[] strip = new float[Math.Min(RowsPerRead, rows) * columns];
        for (int first = 0; first < rows; first += RowsPerRead)
        {
            int count = Math.Min(RowsPerRead, rows - first);
            matrix.Read((long)first * columns, strip.AsSpan(0, count * columns));
            for (int row = 0; row < count; row += Tile)
            {
                for (int column = 0; column < columns; column += Tile)
                {
                    int endRow = Math.Min(count, row + Tile), end = Math.Min(columns, column + Tile);
                    for (int c = column; c < end; c++)
                    {
                        for (int r = row; r < endRow; r++) transposed[((long)c * rows) + first + r] = strip[(r * columns) + c];
                    }
                }
            }
        }

        return transposed;
    }
}
