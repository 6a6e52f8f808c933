using System.Buffers;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Layouts;

/// <summary>
/// Reads the transpose of a file's matrix, whose rows are columns of the file. From each of the file's rows, only the
/// part that belongs to the requested rows is read, so requesting more rows at a time makes these reads longer. Nothing
/// is cached, so concurrent readers do not interfere.
/// </summary>
internal static class TransposedMatrix
{
    private const int FileRowsAtATime = 16; // so that whole cache lines are written
    private const int MostRows = 1 << 16;

    /// <summary>Copies elements of the transpose of a tensor, row-major.</summary>
    public static void Read(FileTensor tensor, long start, Span<float> destination)
    {
        if (destination.IsEmpty) return;
        long depth = tensor.Shape[0], firstRow = start / depth, lastRow = (start + destination.Length - 1) / depth;
        for (long row = firstRow; row <= lastRow; row += MostRows)
        {
            ReadRows(tensor, row, (int)Math.Min(MostRows, lastRow - row + 1), start, destination);
        }
    }

    // Returns the part of the destination in some rows of the transpose.
    private static void ReadRows(FileTensor tensor, long row, int rows, long start, Span<float> destination)
    {
        var source = tensor.Elements!;
        long columns = tensor.Shape[1], depth = tensor.Shape[0], first = 0, end = depth;
        if (rows == 1)
        {
            first = Math.Max(0, start - (row * depth));
            end = Math.Min(depth, start + destination.Length - (row * depth));
        }

        float[] strip = ArrayPool<float>.Shared.Rent(FileRowsAtATime * rows);
        try
        {
            for (long k = first; k < end; k += FileRowsAtATime)
            {
                int height = (int)Math.Min(FileRowsAtATime, end - k);
                if (rows == columns) source.Read(k * columns, strip.AsSpan(0, height * rows));
                for (int i = 0; i < height && rows < columns; i++) source.Read(((k + i) * columns) + row, strip.AsSpan(i * rows, rows));
                for (int r = 0; r < rows; r++)
                {
                    // The first and the last row can begin before the destination and end after it.
                    long place = ((row + r) * depth) + k - start;
                    int from = (int)Math.Max(0, -place), to = (int)Math.Min(height, destination.Length - place);
                    if (from >= to) continue;
                    var target = destination.Slice((int)(place + from), to - from);
                    for (int i = 0, element = (from * rows) + r; i < target.Length; i++, element += rows) target[i] = strip[element];
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(strip);
        }
    }
}
