namespace MLNet.Gpt.Formats.Layouts;

/// <summary>
/// The order of rows in which the pair (i, i + hs / 2) of a head is stored as the neighbors (2 i, 2 i + 1). Source: <c>permute</c>
/// in llama.cpp's <c>convert_hf_to_gguf.py</c>.
/// </summary>
internal static class NeighboringPairs
{
    /// <summary>Returns the row of a file that contains one of our rows.</summary>
    public static long StoredRow(long row, int headSize)
    {
        var (head, inHead) = Math.DivRem(row, headSize);
        var (half, pair) = Math.DivRem(inHead, headSize / 2);
        return (head * headSize) + (2 * pair) + half;
    }

    /// <summary>Returns our row that belongs in a row of a file.</summary>
    public static long OwnRow(long storedRow, int headSize)
    {
        var (head, inHead) = Math.DivRem(storedRow, headSize);
        var (pair, half) = Math.DivRem(inHead, 2);
        return (head * headSize) + (half * (headSize / 2)) + pair;
    }

    /// <summary>Reads elements of a matrix or vector row by row, in another order.</summary>
    /// <param name="rowLength">Elements of a row.</param>
    /// <param name="start">Index of the first element in the new order.</param>
    /// <param name="destination">Receives them.</param>
    /// <param name="rowOf">Returns the row to read for a row in the new order.</param>
    /// <param name="read">Reads elements of one row, from an index.</param>
    public static void Read<T>(
        long rowLength, long start, Span<T> destination, Func<long, long> rowOf, ReadElements<T> read)
    {
        while (!destination.IsEmpty)
        {
            var (row, column) = Math.DivRem(start, rowLength);
            int count = (int)Math.Min(rowLength - column, destination.Length);
            read((rowOf(row) * rowLength) + column, destination[..count]);
            destination = destination[count..];
            start += count;
        }
    }
}

/// <summary>Reads consecutive elements from an index on.</summary>
internal delegate void ReadElements<T>(long start, Span<T> destination);
