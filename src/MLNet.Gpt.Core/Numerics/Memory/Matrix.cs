using System.Diagnostics;

namespace MLNet.Gpt.Numerics.Memory;

/// <summary>Rows of single-precision numbers in native memory, which must outlive it.</summary>
/// <param name="data">The first number.</param>
/// <param name="rows">Number of rows.</param>
/// <param name="columns">Numbers in a row.</param>
/// <param name="stride">Numbers from one row to the next.</param>
/// <param name="spareRows">Rows after the last one that can be read, but whose content is not used.</param>
internal readonly unsafe struct Matrix(float* data, int rows, int columns, nint stride, int spareRows = 0)
{
    // Numbers in a cache line and in a page.
    private const int Line = 16;
    private const int Page = 1024;

    /// <summary>The first number.</summary>
    public float* Data => data;

    /// <summary>Number of rows.</summary>
    public int Rows => rows;

    /// <summary>Numbers in a row.</summary>
    public int Columns => columns;

    /// <summary>Numbers from one row to the next.</summary>
    public nint Stride => stride;

    /// <summary>
    /// Returns the stride that rows of some columns should have: whole cache lines, but not whole pages, because columns
    /// of rows that are whole pages apart evict each other from the L1 cache.
    /// </summary>
    public static int StrideOf(int columns)
    {
        int stride = (columns + Line - 1) / Line * Line;
        return stride % Page == 0 ? stride + Line : stride;
    }

    /// <summary>Returns the first number of a row.</summary>
    public float* Row(int row) => data + (row * stride);

    /// <summary>Returns some rows.</summary>
    public Matrix Slice(int firstRow, int count) => new(Row(firstRow), count, columns, stride, rows - firstRow - count + spareRows);

    /// <summary>Returns some columns.</summary>
    public Matrix SliceColumns(int first, int count) => new(data + first, rows, count, stride, spareRows);

    /// <summary>
    /// Asserts that a number of rows, from the first, can be read: the kernels read whole tiles of rows.
    /// </summary>
    [Conditional("DEBUG")]
    public void AssertReadable(int count) => Debug.Assert(count <= rows + spareRows, "A tile extends past the readable rows.");
}
