using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Rows;

/// <summary>A transformer bound to an input schema: which columns come from the input, and which are computed.</summary>
internal sealed class GptRowMapper : IRowToRowMapper
{
    private readonly ICanSaveModel _transformer;

    /// <param name="inputSchema">The schema of the input.</param>
    /// <param name="inputColumnName">The column of text.</param>
    /// <param name="outputs">The added columns.</param>
    /// <param name="scorer">Computes them.</param>
    /// <param name="cancellation">Cancels the work.</param>
    /// <param name="transformer">The transformer that is saved for this mapper.</param>
    /// <param name="secondColumnName">The column of second texts, if the rows are pairs.</param>
    public GptRowMapper(
        DataViewSchema inputSchema,
        string inputColumnName,
        IReadOnlyList<OutputColumn> outputs,
        RowScorer scorer,
        Cancellation cancellation,
        ICanSaveModel transformer,
        string? secondColumnName = null)
    {
        (InputSchema, Outputs, Scorer, Cancellation, _transformer) = (inputSchema, outputs, scorer, cancellation, transformer);
        TextColumn = Views.TextColumn.Find(inputSchema, inputColumnName);
        SecondColumn = secondColumnName is null ? null : Views.TextColumn.Find(inputSchema, secondColumnName);

        uint scoreColumnSetId = OutputAnnotations.NextScoreColumnSetId(inputSchema);
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(inputSchema);
        foreach (var column in outputs) builder.AddColumn(column.Name, column.Type, column.CreateAnnotations(scoreColumnSetId));
        OutputSchema = builder.ToSchema();
    }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    public DataViewSchema.Column TextColumn { get; }

    /// <summary>The column of second texts; <see langword="null"/> if the rows are single texts.</summary>
    public DataViewSchema.Column? SecondColumn { get; }

    /// <summary>The added columns, in the order of the schema.</summary>
    public IReadOnlyList<OutputColumn> Outputs { get; }

    public RowScorer Scorer { get; }

    public Cancellation Cancellation { get; }

    /// <summary>The input columns that must be active for these output columns to be computed.</summary>
    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
        new ActiveColumns(this, dependingColumns).Dependencies;

    public void Save(ModelSaveContext ctx) => _transformer.Save(ctx);

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) =>
        new Row(input, this, new(this, activeColumns));

    /// <summary>A row with the computed columns, over an input row that its owner moves.</summary>
    private sealed class Row : DataViewRow
    {
        private readonly DataViewRow _input;
        private readonly ActiveColumns _columns;
        private readonly RowWindow _window;
        private readonly RowReader _reader;

        public Row(DataViewRow input, GptRowMapper mapper, ActiveColumns columns)
        {
            (_input, _columns, Schema) = (input, columns, mapper.OutputSchema);
            _window = new(input, cursor: null, columns, mapper.Scorer, mapper.Cancellation);
            _reader = new(_window, mapper.Scorer, mapper.Cancellation);
        }

        public override DataViewSchema Schema { get; }

        public override long Position => _input.Position;

        public override long Batch => _input.Batch;

        public override bool IsColumnActive(DataViewSchema.Column column) => _columns.Contains(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            _columns.GetGetter<TValue>(column, _window, _reader);

        public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

        protected override void Dispose(bool disposing)
        {
            if (disposing) _input.Dispose();
            base.Dispose(disposing);
        }
    }
}
