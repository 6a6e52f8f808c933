using Microsoft.ML;

namespace MLNet.Gpt.Rows;

/// <summary>The values that a column of the input had at rows that its cursor has left behind.</summary>
internal abstract class BufferedColumn
{
    /// <summary>Keeps the value at the row that the input stands on, or why it cannot be read.</summary>
    public abstract void Store(int slot);

    /// <summary>A buffer for an active column of the input.</summary>
    public static BufferedColumn Create(DataViewRow input, DataViewSchema.Column column) =>
        (BufferedColumn)Activator.CreateInstance(typeof(BufferedColumn<>).MakeGenericType(column.Type.RawType), input, column)!;
}
