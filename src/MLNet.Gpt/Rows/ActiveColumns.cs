using Microsoft.ML;

namespace MLNet.Gpt.Rows;

/// <summary>Which of a mapper's output columns somebody reads, and what that asks of the input.</summary>
internal sealed class ActiveColumns
{
    private readonly bool[] _isActive;

    public ActiveColumns(GptRowMapper mapper, IEnumerable<DataViewSchema.Column> columns)
    {
        _isActive = new bool[mapper.OutputSchema.Count];
        foreach (var column in columns) _isActive[column.Index] = true;

        int inputCount = mapper.InputSchema.Count;
        OfInput = [.. mapper.InputSchema.Where(column => _isActive[column.Index])];
        if (_isActive.AsSpan(inputCount).Contains(true)) TextColumn = mapper.TextColumn;
    }

    /// <summary>The active columns that come from the input.</summary>
    public IReadOnlyList<DataViewSchema.Column> OfInput { get; }

    /// <summary>The column of text; <see langword="null"/> where no computed column is active.</summary>
    public DataViewSchema.Column? TextColumn { get; }

    /// <summary>The columns that the input must have active.</summary>
    public IEnumerable<DataViewSchema.Column> Dependencies =>
        TextColumn is { } text && OfInput.All(column => column.Index != text.Index) ? [.. OfInput, text] : OfInput;

    public bool Contains(int index) => _isActive[index];
}
