namespace MLNet.Gpt.Formats.Exporting;

/// <summary>A tensor on its way into a file.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Shape">Sizes of its dimensions, outermost first.</param>
/// <param name="Read">Where its elements come from.</param>
internal sealed record ExportTensor(string Name, IReadOnlyList<int> Shape, ElementReader Read)
{
    public long ElementCount => Shape.Aggregate(1L, (product, size) => checked(product * size));

    /// <summary>A weight under its own name.</summary>
    public static ExportTensor Of(IWeightSource weights, WeightEntry entry) =>
        new(entry.Name, entry.Shape, (start, destination) => weights.Read(entry.Name, start, destination));

    /// <summary>A tensor of zeros.</summary>
    public static ExportTensor Zeros(string name, params int[] shape) => new(name, shape, (_, destination) => destination.Clear());

    /// <summary>The rows of matrices of one width, or the elements of vectors, one after the other.</summary>
    public static ExportTensor Stacked(string name, params ExportTensor[] parts)
    {
        int[] shape = [parts.Sum(part => part.Shape[0]), .. parts[0].Shape.Skip(1)];
        return new(name, shape, (start, destination) =>
        {
            foreach (var part in parts)
            {
                if (destination.IsEmpty) return;
                int count = (int)Math.Clamp(part.ElementCount - start, 0, destination.Length);
                if (count > 0) part.Read(start, destination[..count]);
                destination = destination[count..];
                start = Math.Max(0, start + count - part.ElementCount);
            }
        });
    }

    /// <summary>The matrix with rows and columns exchanged. One matrix is held in memory while it is read.</summary>
    public ExportTensor Transposed() => new(Name, [Shape[1], Shape[0]], new TransposedElements(this).Read);
}

/// <summary>Copies elements of a tensor, row-major.</summary>
/// <param name="start">Index of the first element; callers go from front to back.</param>
/// <param name="destination">Receives as many elements as it is long.</param>
internal delegate void ElementReader(long start, Span<float> destination);

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
