using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Transforms;

/// <summary>A transformer bound to an input schema: which columns come from the input, and which are computed.</summary>
internal sealed class GptRowMapper : IRowToRowMapper
{
    private readonly GptTransformer _transformer;

    public GptRowMapper(DataViewSchema inputSchema, GptTransformer transformer)
    {
        _transformer = transformer;
        InputSchema = inputSchema;
        TextColumn = Transforms.TextColumn.Find(inputSchema, transformer.Options.InputColumnName);

        var builder = new DataViewSchema.Builder();
        builder.AddColumns(inputSchema);
        foreach (var column in transformer.Columns) builder.AddColumn(column.Name, column.Type, column.Annotations);
        OutputSchema = builder.ToSchema();
    }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    public DataViewSchema.Column TextColumn { get; }

    /// <summary>The input columns that must be active for these output columns to be computed.</summary>
    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var needed = dependingColumns.Select(column => column.Index).ToHashSet();
        bool isTextNeeded = needed.Any(index => index >= InputSchema.Count);
        return InputSchema.Where(column => needed.Contains(column.Index) || (isTextNeeded && column.Index == TextColumn.Index));
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) => new GptRow(input, this, activeColumns);

    /// <summary>The getters of the computed columns among the active ones, by output index less the number of input columns.</summary>
    public Delegate?[] CreateGetters(DataViewRow input, bool[] isActive)
    {
        var getters = new Delegate?[_transformer.Columns.Count];
        if (!isActive.AsSpan(InputSchema.Count).Contains(true)) return getters;

        var row = new ScoredRow(_transformer.Scorer, input, TextColumn);
        for (int i = 0; i < getters.Length; i++)
        {
            if (isActive[InputSchema.Count + i]) getters[i] = _transformer.Columns[i].CreateGetter(row);
        }

        return getters;
    }
}
