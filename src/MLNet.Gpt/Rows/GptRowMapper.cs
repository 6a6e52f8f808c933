using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Rows;

/// <summary>A transformer bound to an input schema: which columns come from the input, and which are computed.</summary>
internal sealed class GptRowMapper : IRowToRowMapper
{
    private readonly GptTransformer _transformer;

    public GptRowMapper(DataViewSchema inputSchema, GptTransformer transformer, CancellationToken cancellationToken = default)
    {
        _transformer = transformer;
        InputSchema = inputSchema;
        Cancellation = transformer.Cancellation.With(cancellationToken);
        TextColumn = Views.TextColumn.Find(inputSchema, transformer.Options.InputColumnName);

        uint scoreColumnSetId = OutputAnnotations.NextScoreColumnSetId(inputSchema);
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(inputSchema);
        foreach (var column in Outputs) builder.AddColumn(column.Name, column.Type, column.CreateAnnotations(scoreColumnSetId));
        OutputSchema = builder.ToSchema();
    }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    public DataViewSchema.Column TextColumn { get; }

    /// <summary>The added columns, in the order of the schema.</summary>
    public IReadOnlyList<OutputColumn> Outputs => _transformer.Outputs;

    public RowScorer Scorer => _transformer.Scorer;

    public Cancellation Cancellation { get; }

    /// <summary>The input columns that must be active for these output columns to be computed.</summary>
    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
        new ActiveColumns(this, dependingColumns).Dependencies;

    public void Save(ModelSaveContext ctx) => ((ICanSaveModel)_transformer).Save(ctx);

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) => new GptRow(input, this, activeColumns);
}
