namespace MLNet.Gpt.Numerics.Memory;

/// <summary>Rows of single precision in native memory, which must outlive it.</summary>
internal readonly unsafe struct Matrix(float* data, int rows, int columns, nint stride)
{
    /// <summary>The first number.</summary>
    public float* Data => data;

    /// <summary>Number of rows.</summary>
    public int Rows => rows;

    /// <summary>Numbers in a row.</summary>
    public int Columns => columns;

    /// <summary>Numbers from a row to the next.</summary>
    public nint Stride => stride;

    /// <summary>The first number of a row.</summary>
    public float* Row(int row) => data + (row * stride);

    /// <summary>Some rows.</summary>
    public Matrix Slice(int firstRow, int count) => new(Row(firstRow), count, columns, stride);

    /// <summary>Some columns.</summary>
    public Matrix SliceColumns(int first, int count) => new(data + first, rows, count, stride);
}
