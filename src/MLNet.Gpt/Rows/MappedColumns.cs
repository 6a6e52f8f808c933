using Microsoft.ML;

namespace MLNet.Gpt.Rows;

/// <summary>The active columns at the row that a source stands on: those of the input passed on, the others computed.</summary>
internal sealed class MappedColumns(GptRowMapper mapper, ActiveColumns active, IRowSource source)
{
    public DataViewSchema Schema => mapper.OutputSchema;

    public bool IsActive(DataViewSchema.Column column) => column.Index < Schema.Count && Schema[column.Index].Name == column.Name && active.Contains(column.Index);

    public ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!IsActive(column)) throw new ArgumentException($"Column '{column.Name}' is not active in this cursor; ask for it when the cursor is made.", nameof(column));
        int inputCount = mapper.InputSchema.Count;
        if (column.Index < inputCount) return source.GetInputGetter<TValue>(mapper.InputSchema[column.Index]);

        return mapper.Outputs[column.Index - inputCount].CreateGetter(source) as ValueGetter<TValue>
            ?? throw new InvalidOperationException($"Column '{column.Name}' is of type {column.Type}; it cannot be read as {typeof(TValue)}.");
    }
}
