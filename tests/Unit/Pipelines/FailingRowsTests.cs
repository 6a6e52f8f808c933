using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>
/// Failures of the input's own getters while the cursor reads ahead: each belongs to its row and column, and is neither
/// hidden nor retried.
/// </summary>
public sealed class FailingRowsTests : IDisposable
{
    private const int Bad = 9;

    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();

    public void Dispose() => _model.Dispose();

    [Fact]
    public void A_column_that_fails_at_a_row_is_read_once_and_fails_when_the_caller_reads_it()
    {
        var view = View(out var source, column: "Number", new FormatException("row 9"));
        using var cursor = view.GetRowCursor(view.Schema);
        var getLoss = cursor.GetGetter<double>(view.Schema["Perplexity"]);
        var getNumber = cursor.GetGetter<int>(view.Schema["Number"]);
        double loss = 0;
        int number = 0, rows = 0;
        for (; cursor.MoveNext(); rows++)
        {
            getLoss(ref loss); // makes the cursor read ahead, past the bad row
            Assert.True(double.IsFinite(loss));
            if (rows == Bad) Assert.Equal("row 9", Assert.Throws<FormatException>(() => getNumber(ref number)).Message);
            else getNumber(ref number);
        }

        Assert.Equal(20, rows);
        Assert.Equal(1, source.Failures);
    }

    [Fact]
    public void A_text_that_fails_at_a_row_fails_only_that_row()
    {
        var view = View(out var source, column: "Text", new FormatException("row 9"));
        using var cursor = view.GetRowCursor([view.Schema["Perplexity"]]);
        var getLoss = cursor.GetGetter<double>(view.Schema["Perplexity"]);
        double loss = 0;
        for (int row = 0; cursor.MoveNext(); row++)
        {
            if (row == Bad) Assert.Equal("row 9", Assert.Throws<FormatException>(() => getLoss(ref loss)).Message);
            else getLoss(ref loss);
        }

        Assert.Equal(1, source.Failures);
    }

    [Theory]
    [InlineData("Text")]
    [InlineData("Number")]
    public void Running_out_of_memory_is_not_taken_for_a_bad_row(string column)
    {
        var view = View(out _, column, new OutOfMemoryException());
        using var cursor = view.GetRowCursor(view.Schema);
        var getLoss = cursor.GetGetter<double>(view.Schema["Perplexity"]);

        Assert.Throws<OutOfMemoryException>(() =>
        {
            double loss = 0;
            while (cursor.MoveNext()) getLoss(ref loss);
        });
    }

    [Theory]
    [InlineData("Text")]
    [InlineData("Number")]
    [InlineData("")]
    public void Running_out_of_memory_within_another_error_is_not_taken_for_a_bad_row(string column)
    {
        var view = View(out _, column, new InvalidOperationException("wrapped", new OutOfMemoryException()));
        using var cursor = view.GetRowCursor(view.Schema);
        var getLoss = cursor.GetGetter<double>(view.Schema["Perplexity"]);
        double loss = 0;
        int rows = 0;

        var error = Assert.Throws<InvalidOperationException>(() =>
        {
            for (; cursor.MoveNext(); rows++) getLoss(ref loss);
        });

        Assert.Equal("wrapped", error.Message);
        Assert.InRange(rows, 0, Bad - 1); // at once, not when the caller reaches the row
    }

    [Theory]
    [InlineData(typeof(ArgumentException))]
    [InlineData(typeof(InvalidOperationException))]
    public void An_error_of_the_inputs_getter_is_not_taken_for_an_error_of_the_model(Type type)
    {
        var failure = (Exception)Activator.CreateInstance(type, "mine")!;
        var transformer = new GptTransformer(_model);
        int passes = 0;
        transformer.Scorer.PassStarting = (_, _) => passes++;
        var view = transformer.Transform(new FailingView("Text", failure));
        using var cursor = view.GetRowCursor([view.Schema["Perplexity"]]);
        var getLoss = cursor.GetGetter<double>(view.Schema["Perplexity"]);
        double loss = 0;
        for (int row = 0; cursor.MoveNext(); row++)
        {
            if (row == Bad) Assert.Same(failure, Assert.Throws(type, () => getLoss(ref loss)));
            else getLoss(ref loss);
        }

        Assert.Equal(5, passes); // of 1, 2, 4, 8 and the other 4 rows: none was computed twice
    }

    [Fact]
    public void A_failure_between_rows_is_thrown_when_the_caller_gets_there()
    {
        var view = View(out var source, column: "", new IOException("cut off"));
        using var cursor = view.GetRowCursor([view.Schema["Perplexity"]]);
        var getLoss = cursor.GetGetter<double>(view.Schema["Perplexity"]);
        double loss = 0;
        int rows = 0;

        var error = Assert.Throws<IOException>(() =>
        {
            for (; cursor.MoveNext(); rows++)
            {
                getLoss(ref loss);
                Assert.True(double.IsFinite(loss));
            }
        });

        Assert.Equal("cut off", error.Message);
        Assert.Equal(Bad, rows);
        Assert.Equal(1, source.Failures);
    }

    [Fact]
    public void A_disposed_model_is_called_once()
    {
        var transformer = new GptTransformer(_model);
        int passes = 0;
        var view = transformer.Transform(Rows.ToView(_ml, Enumerable.Range(0, 20).Select(i => TinyModels.Text(5, i))));
        using var cursor = view.GetRowCursor([view.Schema["Perplexity"]]);
        var getLoss = cursor.GetGetter<double>(view.Schema["Perplexity"]);
        double loss = 0;
        cursor.MoveNext();
        getLoss(ref loss);
        cursor.MoveNext();
        _model.Dispose();
        transformer.Scorer.PassStarting = (_, _) => passes++;

        Assert.Throws<ObjectDisposedException>(() => getLoss(ref loss)); // two rows should have been computed together
        Assert.Equal(1, passes);
    }

    private IDataView View(out FailingView source, string column, Exception failure)
    {
        source = new FailingView(column, failure);
        return new GptTransformer(_model).Transform(source);
    }

    /// <summary>Twenty rows; at one of them a column fails, or, if no column is named, moving to it.</summary>
    private sealed class FailingView(string badColumn, Exception failure) : IDataView
    {
        public int Failures { get; private set; }

        public DataViewSchema Schema { get; } = CreateSchema();

        public bool CanShuffle => false;

        public long? GetRowCount() => 20;

        public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => new Cursor(this);

        public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
            [GetRowCursor(columnsNeeded)];

        private static DataViewSchema CreateSchema()
        {
            var builder = new DataViewSchema.Builder();
            builder.AddColumn("Text", TextDataViewType.Instance);
            builder.AddColumn("Number", NumberDataViewType.Int32);
            return builder.ToSchema();
        }

        private void FailAt(long row, string column)
        {
            if (row != Bad || column != badColumn) return;
            Failures++;
            throw failure;
        }

        private sealed class Cursor(FailingView view) : DataViewRowCursor
        {
            private long _position = -1;

            public override DataViewSchema Schema => view.Schema;

            public override long Position => _position;

            public override long Batch => 0;

            public override bool MoveNext()
            {
                view.FailAt(_position + 1, "");
                return ++_position < 20;
            }

            public override bool IsColumnActive(DataViewSchema.Column column) => true;

            public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
            {
                ValueGetter<ReadOnlyMemory<char>> getText = (ref ReadOnlyMemory<char> value) =>
                {
                    view.FailAt(_position, "Text");
                    value = TinyModels.Text(5, (int)_position).AsMemory();
                };
                ValueGetter<int> getNumber = (ref int value) =>
                {
                    view.FailAt(_position, "Number");
                    value = (int)_position;
                };
                return (ValueGetter<TValue>)(column.Index == 0 ? getText : (Delegate)getNumber);
            }

            public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new((ulong)_position, 0);
        }
    }
}
