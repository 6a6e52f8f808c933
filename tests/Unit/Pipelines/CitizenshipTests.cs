using System.Collections.Concurrent;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Tests.TorchSharp;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>What ML.NET's users do with a transformer.</summary>
[Collection(TorchCollection.Name)]
public sealed class CitizenshipTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();
    private readonly string[] _texts = [.. Enumerable.Range(0, 40).Select(i => TinyModels.Text(2 + (i * 5 % 37), i))];

    public void Dispose() => _model.Dispose();

    [Fact]
    public void A_pool_of_prediction_engines_serves_many_threads_with_one_transformer()
    {
        var transformer = new GptTransformer(_model);
        var expected = Rows.Read(_ml, transformer.Transform(Rows.ToView(_ml, _texts)));
        var pool = new ConcurrentBag<PredictionEngine<Rows.Input, Rows.Output>>();
        var options = new PredictionEngineOptions { OwnsTransformer = false };

        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            if (!pool.TryTake(out var engine)) engine = _ml.Model.CreatePredictionEngine<Rows.Input, Rows.Output>(transformer, options);
            Assert.Equivalent(expected[i % _texts.Length], engine.Predict(new() { Text = _texts[i % _texts.Length] }), strict: true);
            pool.Add(engine);
        });

        Assert.InRange(pool.Count, 1, 8);
        foreach (var engine in pool) engine.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Parallel_cursors_give_each_row_once_with_the_values_of_a_single_one(int count)
    {
        var data = _ml.Data.Cache(Rows.ToView(_ml, Enumerable.Range(0, 400).Select(i => $"w{i % 60} {TinyModels.Text(1 + (i % 20), i)}")));
        var view = new GptTransformer(_model).Transform(data);
        var expected = Rows.Read(_ml, view).OrderBy(row => row.Text, StringComparer.Ordinal).ToArray();
        var found = new ConcurrentBag<(string Text, double Loss)>();
        DataViewSchema.Column text = view.Schema["Text"], loss = view.Schema["NegativeLogLikelihood"];

        var cursors = view.GetRowCursorSet([text, loss], count);
        Parallel.ForEach(cursors, cursor =>
        {
            using var _ = cursor;
            var getText = cursor.GetGetter<ReadOnlyMemory<char>>(text);
            var getLoss = cursor.GetGetter<double>(loss);
            ReadOnlyMemory<char> textValue = default;
            double lossValue = 0;
            while (cursor.MoveNext())
            {
                getLoss(ref lossValue);
                getText(ref textValue);
                found.Add((textValue.ToString(), lossValue));
            }
        });

        Assert.Equal(
            expected.Select(row => (row.Text, row.NegativeLogLikelihood)),
            found.OrderBy(row => row.Text, StringComparer.Ordinal).ThenBy(row => row.Loss));
    }

    [Fact]
    public void A_shuffled_cursor_keeps_values_with_their_rows()
    {
        var view = new GptTransformer(_model).Transform(_ml.Data.Cache(Rows.ToView(_ml, _texts)));
        var expected = Rows.Read(_ml, view).ToDictionary(row => row.Text, row => row.Perplexity);

        var shuffled = Rows.Read(_ml, _ml.Data.ShuffleRows(view, seed: 3));

        Assert.NotEqual(_texts, shuffled.Select(row => row.Text));
        Assert.Equal(_texts.Order(), shuffled.Select(row => row.Text).Order());
        Assert.All(shuffled, row => Assert.Equal(expected[row.Text], row.Perplexity));
    }

    [Fact]
    public void Filtering_and_skipping_scored_rows_works()
    {
        var view = new GptTransformer(_model).Transform(Rows.ToView(_ml, _texts));
        var all = Rows.Read(_ml, view);

        Assert.Equivalent(all[5..8], Rows.Read(_ml, _ml.Data.TakeRows(_ml.Data.SkipRows(view, 5), 3)), strict: true);
        Assert.Equivalent(
            all.Where(row => row.CrossEntropy < 4.5),
            Rows.Read(_ml, _ml.Data.FilterRowsByColumn(view, "CrossEntropy", upperBound: 4.5)),
            strict: true);
    }

    [Fact]
    public void Text_may_be_a_string_or_memory()
    {
        var ofStrings = new GptTransformer(_model).Transform(Rows.ToView(_ml, _texts));
        var ofMemory = new GptTransformer(_model).Transform(
            _ml.Data.LoadFromEnumerable(_texts.Select(text => new Memory { Text = $"[{text}]".AsMemory(1, text.Length) })));

        Assert.Equivalent(Rows.Read(_ml, ofStrings), Rows.Read(_ml, ofMemory), strict: true);
        using var engine = _ml.Model.CreatePredictionEngine<Memory, MemoryOut>(new GptTransformer(_model));
        Assert.Equal(
            Rows.Read(_ml, ofStrings)[3].PredictedToken,
            engine.Predict(new() { Text = _texts[3].AsMemory() }).PredictedToken.ToString());
    }

    [Fact]
    public void A_row_mapper_names_what_it_needs_and_maps_a_row_that_moves()
    {
        var transformer = new GptTransformer(_model);
        var data = _ml.Data.LoadFromEnumerable(_texts.Select((text, i) => new { Number = i, Text = text }));
        var expected = transformer.Transform(data).GetColumn<double>("Perplexity").ToArray();

        var mapper = transformer.GetRowToRowMapper(data.Schema);

        Assert.True(transformer.IsRowToRowMapper);
        Assert.Equal(["Number"], mapper.GetDependencies([mapper.OutputSchema["Number"]]).Select(column => column.Name));
        Assert.Equal(["Text"], mapper.GetDependencies([mapper.OutputSchema["Perplexity"]]).Select(column => column.Name));
        Assert.Equal(["Number", "Text"], mapper.GetDependencies(mapper.OutputSchema).Select(column => column.Name));
        using var cursor = data.GetRowCursor(data.Schema);
        using var row = mapper.GetRow(cursor, mapper.OutputSchema);
        var get = row.GetGetter<double>(mapper.OutputSchema["Perplexity"]);
        for (int i = 0; cursor.MoveNext(); i++)
        {
            double value = 0;
            get(ref value);
            Assert.Equal(expected[i], value);
        }
    }

    [Fact]
    public void A_getter_of_the_wrong_type_or_of_an_inactive_column_is_refused()
    {
        var view = new GptTransformer(_model).Transform(Rows.ToView(_ml, _texts));
        using var cursor = view.GetRowCursor([view.Schema["Text"], view.Schema["Perplexity"]]);

        Assert.True(cursor.IsColumnActive(view.Schema["Perplexity"]));
        Assert.False(cursor.IsColumnActive(view.Schema["TokenCount"]));
        Assert.Contains(
            "'Perplexity'",
            Assert.Throws<InvalidOperationException>(() => cursor.GetGetter<float>(view.Schema["Perplexity"])).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "'Text'",
            Assert.Throws<InvalidOperationException>(() => cursor.GetGetter<int>(view.Schema["Text"])).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "'TokenCount'",
            Assert.Throws<ArgumentException>(() => cursor.GetGetter<long>(view.Schema["TokenCount"])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Score_columns_carry_the_annotations_of_ML_NETs_scorers()
    {
        var columns = new GptOutputColumns
        {
            CandidateTokens = "Tokens5", CandidateProbabilities = "Probabilities5", Tokens = "Words",
            TokenLogProbabilities = "LogProbabilities",
        };
        var options = new GptTransformerOptions { Columns = columns };
        var twice = _ml.LanguageModeling.FromModel(_model, options)
            .Append(_ml.LanguageModeling.FromModel(_model, options with { Columns = new() { Probability = "Second" } }))
            .Fit(Rows.ToView(_ml, _texts)).GetOutputSchema(Rows.ToView(_ml, _texts).Schema);

        Assert.Equal("LanguageModeling", Text("Probabilities5", null) ?? Text("Second", "ScoreColumnKind"));
        Assert.Equal("Probability", Text("Second", "ScoreValueKind"));
        Assert.Equal("Score", Text("NegativeLogLikelihood", "ScoreValueKind"));
        Assert.Equal("PredictedLabel", Text("PredictedToken", "ScoreValueKind"));
        Assert.Equal("Words", Text("LogProbabilities", "TokensColumn"));
        Assert.Equal(1u, SetId(twice.First(column => column.Name == "Probability")));
        Assert.Equal(2u, SetId(twice["Second"]));
        VBuffer<ReadOnlyMemory<char>> names = default;
        twice["Probabilities5"].GetSlotNames(ref names);
        Assert.Equal(["1", "2", "3", "4", "5"], names.DenseValues().Select(name => name.ToString()));

        string? Text(string column, string? kind)
        {
            if (kind is null) return null;
            ReadOnlyMemory<char> value = default;
            twice[column].Annotations.GetValue(kind, ref value);
            return value.ToString();
        }

        static uint SetId(DataViewSchema.Column column)
        {
            uint value = 0;
            column.Annotations.GetValue("ScoreColumnSetId", ref value);
            return value;
        }
    }

    [Fact]
    public void Null_and_empty_rows_have_the_documented_values()
    {
        string?[] texts = ["w1 w2", null, "", "w3 w4 w5", " ", null];

        var rows = Rows.Read(_ml, new GptTransformer(_model).Transform(Rows.ToView(_ml, texts)));

        Assert.Equal([1L, 0, 0, 2, 0, 0], rows.Select(row => row.TokenCount));
        Assert.Equal([false, true, true, false, true, true], rows.Select(row => double.IsNaN(row.Perplexity)));
        Assert.Equal([false, true, true, false, true, true], rows.Select(row => row.PredictedTokenId < 0));
        Assert.Equal(6, _ml.LanguageModeling.Evaluate(new GptTransformer(_model).Transform(Rows.ToView(_ml, texts))).DocumentCount);
    }

    private sealed class Memory
    {
        public ReadOnlyMemory<char> Text { get; set; }
    }

    private sealed class MemoryOut
    {
        public ReadOnlyMemory<char> PredictedToken { get; set; }
    }
}
