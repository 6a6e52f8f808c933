using System.Numerics.Tensors;
using MLNet.Gpt.Formats.Layouts;

namespace MLNet.Gpt.Formats.Exporting;

/// <summary>A tensor to write to a file.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Shape">Sizes of its dimensions, outermost first.</param>
/// <param name="Read">Reads its elements.</param>
internal sealed record ExportTensor(string Name, IReadOnlyList<int> Shape, ElementReader Read)
{
    public long ElementCount => Shape.Aggregate(1L, (product, size) => checked(product * size));

    /// <summary>Whether all elements are those of Q4_0 blocks, which are then written as they were.</summary>
    public bool HasFourBitBlocks { get; init; }

    /// <summary>Creates a tensor from a weight.</summary>
    public static ExportTensor Of(IWeightSource weights, WeightEntry entry) =>
        new(entry.Name, entry.Shape, (start, destination) => weights.Read(entry.Name, start, destination));

    /// <summary>Creates a tensor of zeros.</summary>
    public static ExportTensor Zeros(string name, params int[] shape) => new(name, shape, (_, destination) => destination.Clear());

    /// <summary>Concatenates the rows of matrices of equal width, or the elements of vectors.</summary>
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

    /// <summary>Adds a number to each element.</summary>
    public ExportTensor Plus(float number) => this with
    {
        Read = (start, destination) =>
        {
            Read(start, destination);
            TensorPrimitives.Add(destination, number, destination);
        },
    };

    /// <summary>Puts the rows of heads into the order of <see cref="NeighboringPairs"/>.</summary>
    public ExportTensor Paired(int headSize) => this with
    {
        Read = (start, destination) => NeighboringPairs.Read(
            ElementCount / Shape[0], start, destination, row => NeighboringPairs.OwnRow(row, headSize),
            (first, part) => Read(first, part)),
    };

    /// <summary>Transposes the matrix. One matrix is in memory while it is read.</summary>
    public ExportTensor Transposed() => new(Name, [Shape[1], Shape[0]], new TransposedElements(this).Read);
}

/// <summary>Copies elements of a tensor, row-major.</summary>
/// <param name="start">Index of the first element; callers read from front to back.</param>
/// <param name="destination">Receives the elements; its length is their number.</param>
internal delegate void ElementReader(long start, Span<float> destination);

/// <summary>
/// A matrix whose columns are read as rows: it is loaded into memory at its first element and freed at its last.
/// </summary>
internal sealed class TransposedElements(ExportTensor matrix)
{
    private const int Tile = 32; // 32 rows of 32 elements: both tiles fit in the L1 cache
    private const int RowsPerRead = 8 * Tile; // a source that is itself transposed reads many rows at the cost of a few

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
