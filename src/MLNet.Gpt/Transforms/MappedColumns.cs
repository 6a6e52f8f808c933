using Microsoft.ML;

namespace MLNet.Gpt.Transforms;

/// <summary>The active columns over one input row: those of the input passed on, the others computed.</summary>
internal sealed class MappedColumns
{
    private readonly DataViewRow _input;
    private readonly GptRowMapper _mapper;
    private readonly bool[] _isActive;
    private readonly Delegate?[] _computed;

    public MappedColumns(DataViewRow input, GptRowMapper mapper, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        _input = input;
        _mapper = mapper;
        _isActive = new bool[mapper.OutputSchema.Count];
        foreach (var column in activeColumns) _isActive[column.Index] = true;
        _computed = mapper.CreateGetters(input, _isActive);
    }

    public DataViewSchema Schema => _mapper.OutputSchema;

    public bool IsActive(DataViewSchema.Column column) => IsOurs(column) && _isActive[column.Index];

    public ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!IsActive(column)) throw new ArgumentException($"Column '{column.Name}' is not active in this cursor; ask for it when the cursor is made.", nameof(column));
        int inputCount = _mapper.InputSchema.Count;
        if (column.Index < inputCount) return _input.GetGetter<TValue>(_mapper.InputSchema[column.Index]);

        return _computed[column.Index - inputCount] as ValueGetter<TValue>
            ?? throw new InvalidOperationException($"Column '{column.Name}' is of type {column.Type}; it cannot be read as {typeof(TValue)}.");
    }

    private bool IsOurs(DataViewSchema.Column column) => column.Index < Schema.Count && Schema[column.Index].Name == column.Name;
}
