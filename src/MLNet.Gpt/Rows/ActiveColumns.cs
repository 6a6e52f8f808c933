using Microsoft.ML;

namespace MLNet.Gpt.Rows;

/// <summary>
/// Which columns of a mapper's output are active, which input columns they need, and how they are read.
/// </summary>
internal sealed class ActiveColumns
{
    private readonly GptRowMapper _mapper;
    private readonly bool[] _isActive;

    public ActiveColumns(GptRowMapper mapper, IEnumerable<DataViewSchema.Column> columns)
    {
        _mapper = mapper;
        _isActive = new bool[mapper.OutputSchema.Count];
        foreach (var column in columns) _isActive[column.Index] = true;

        int inputCount = mapper.InputSchema.Count;
        OfInput = [.. mapper.InputSchema.Where(column => _isActive[column.Index])];
        if (_isActive.AsSpan(inputCount).Contains(true)) (TextColumn, SecondColumn) = (mapper.TextColumn, mapper.SecondColumn);
    }

    /// <summary>The active columns that come from the input.</summary>
    public IReadOnlyList<DataViewSchema.Column> OfInput { get; }

    /// <summary>The column of text; <see langword="null"/> if no computed column is active.</summary>
    public DataViewSchema.Column? TextColumn { get; }

    /// <summary>The column of second texts; <see langword="null"/> if there is none, or no computed column is active.</summary>
    public DataViewSchema.Column? SecondColumn { get; }

    /// <summary>The columns that must be active in the input.</summary>
    public IEnumerable<DataViewSchema.Column> Dependencies =>
        [.. OfInput.Concat(new[] { TextColumn, SecondColumn }.OfType<DataViewSchema.Column>()).DistinctBy(column => column.Index)];

    public bool Contains(DataViewSchema.Column column) => column.Index < _isActive.Length
        && _isActive[column.Index] && _mapper.OutputSchema[column.Index].Name == column.Name;

    /// <summary>Reads an active column, from the input or from the row's result.</summary>
    public ValueGetter<T> GetGetter<T>(DataViewSchema.Column column, RowWindow window, RowReader reader)
    {
        if (!Contains(column))
        {
            throw new ArgumentException(
                $"Column '{column.Name}' is not active; request it when creating the cursor or row.", nameof(column));
        }

        int inputCount = _mapper.InputSchema.Count;
        if (column.Index < inputCount) return window.GetInputGetter<T>(_mapper.InputSchema[column.Index]);
        return _mapper.Outputs[column.Index - inputCount].CreateGetter(reader) as ValueGetter<T>
            ?? throw new InvalidOperationException($"Column '{column.Name}' is of type {column.Type}; it cannot be read as {typeof(T)}.");
    }
}
