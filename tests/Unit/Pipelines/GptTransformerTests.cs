using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Tests.Pipelines;

public sealed class GptTransformerTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();
    private readonly string[] _texts = [.. Enumerable.Range(0, 12).Select(i => TinyModels.Text(2 + (i * 5 % 37), i))];

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Its_columns_contain_what_the_library_computes_directly()
    {
        var rows = Rows.Read(_ml, Transform(_texts));

        var scorer = new TextScorer(_model);
        var predictor = new NextTokenPredictor(_model);
        Assert.Equal(_texts, rows.Select(row => row.Text));
        foreach (var row in rows)
        {
            var best = predictor.Predict(row.Text, 1).Single();
            var score = scorer.Score(row.Text);
            Assert.Equal(best.Id, row.PredictedTokenId);
            Assert.Equal(_model.Tokenizer.Decode([best.Id]), row.PredictedToken);
            Assert.Equal((float)Math.Exp(best.LogProbability), row.Probability);
            Assert.Equal(score.Loss.Sum, row.NegativeLogLikelihood);
            Assert.Equal(row.Text.Split(' ').Length - 1, row.TokenCount);
            Assert.Equal(score.ByteCount, row.ByteCount);
            Assert.Equal(score.CharacterCount, row.CharacterCount);
            Assert.Equal(score.WordCount, row.WordCount);
            Assert.Equal(score.Top1Count, row.Top1Count);
            Assert.Equal(score.Top5Count, row.Top5Count);
            Assert.Equal(score.Loss.CrossEntropy, row.CrossEntropy);
            Assert.Equal(score.Loss.Perplexity, row.Perplexity);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    public void An_empty_or_missing_text_gives_the_documented_values(string? text)
    {
        var row = Rows.Read(_ml, Transform(text)).Single();

        Assert.Equal(string.Empty, row.PredictedToken);
        Assert.Equal(-1, row.PredictedTokenId);
        Assert.Equal(float.NaN, row.Probability);
        Assert.Equal(0, row.NegativeLogLikelihood);
        Assert.Equal(0, row.TokenCount);
        Assert.Equal(0, row.ByteCount);
        Assert.Equal(double.NaN, row.CrossEntropy);
        Assert.Equal(double.NaN, row.Perplexity);
    }

    [Fact]
    public void A_text_of_one_token_predicts_the_next_one_but_has_no_target()
    {
        var row = Rows.Read(_ml, Transform("w7")).Single();

        Assert.InRange(row.PredictedTokenId, 0, _model.Config.VocabularySize - 1);
        Assert.Equal(0, row.TokenCount);
        Assert.Equal(double.NaN, row.Perplexity);
    }

    [Fact]
    public void A_text_longer_than_the_context_is_predicted_from_its_last_tokens()
    {
        string text = TinyModels.Text(40, 5);
        string end = string.Join(' ', text.Split(' ')[^_model.Config.ContextLength..]);

        var rows = Rows.Read(_ml, Transform(text, end));

        Assert.Equal(rows[1].PredictedTokenId, rows[0].PredictedTokenId);
        Assert.Equal(rows[1].Probability, rows[0].Probability);
        Assert.Equal(39, rows[0].TokenCount);
    }

    [Fact]
    public void Nothing_is_computed_until_one_of_its_columns_is_read()
    {
        var tokenizer = new CountingTokenizer(TinyModels.Words);
        using var model = TinyModels.Create(tokenizer);
        var view = new GptTransformer(model).Transform(Rows.ToView(_ml, _texts));

        Assert.Equal(_texts.Length, view.GetColumn<string>("Text").Count());
        Assert.Equal(0, tokenizer.Encodings);

        Assert.Equal(_texts.Length, view.GetColumn<double>("Perplexity").Count());
        Assert.Equal(_texts.Length, tokenizer.Encodings);
    }

    [Fact]
    public void Columns_share_one_computation_per_row()
    {
        var tokenizer = new CountingTokenizer(TinyModels.Words);
        using var model = TinyModels.Create(tokenizer);

        _ = Rows.Read(_ml, new GptTransformer(model).Transform(Rows.ToView(_ml, _texts)));

        Assert.Equal(_texts.Length, tokenizer.Encodings); // the loss and the next token share one encoding
    }

    [Fact]
    public void Every_column_can_have_a_name_of_your_choice()
    {
        var columns = new GptOutputColumns
        {
            PredictedToken = "a", PredictedTokenId = "b", Probability = "c", CandidateTokens = "d",
            CandidateTokenIds = "e", CandidateProbabilities = "f",
            NegativeLogLikelihood = "g", TokenCount = "h", ByteCount = "i", Top1Count = "j", Top5Count = "k",
            CrossEntropy = "l", Perplexity = "m",
            Tokens = "n", TokenLogProbabilities = "o", GeneratedText = "p", Embedding = "q", CandidateCount = 3,
            CharacterCount = "r", WordCount = "s",
        };
        var options = new GptTransformerOptions { Columns = columns, Generation = new() { MaxTokens = 4 } };
        string text = TinyModels.Text(9, 3);

        var preview = new GptTransformer(_model, options).Transform(Rows.ToView(_ml, text)).Preview();

        Assert.Equal(["Text", .. "abcdefghirsjklmnopq".Select(name => name.ToString())], preview.Schema.Select(column => column.Name));
        var values = preview.RowView.Single().Values.ToDictionary(pair => pair.Key, pair => pair.Value);
        var candidates = new NextTokenPredictor(_model).Predict(text, 3);
        Assert.Equal(candidates.Select(candidate => candidate.Id), ((VBuffer<int>)values["e"]).DenseValues().ToArray());
        Assert.Equal(
            candidates.Select(candidate => (float)Math.Exp(candidate.LogProbability)),
            ((VBuffer<float>)values["f"]).DenseValues().ToArray());
        Assert.Equal(
            text.Split(' '),
            ((VBuffer<ReadOnlyMemory<char>>)values["n"]).DenseValues().ToArray().Select(token => token.ToString()));

        float[] logProbabilities = [.. ((VBuffer<float>)values["o"]).DenseValues().ToArray()];
        Assert.Equal(float.NaN, logProbabilities[0]);
        Assert.Equal((double)values["g"], -logProbabilities.Skip(1).Sum(value => (double)value), 1e-9);
        Assert.Equal(new TextGenerator(_model).Generate(text, options.Generation).Text, values["p"].ToString());

        int[] ids = _model.Tokenizer.Encode(text);
        Assert.Equal(
            _model.ComputeHiddenStates(ids)[^_model.Config.EmbeddingWidth..],
            ((VBuffer<float>)values["q"]).DenseValues().ToArray());
    }

    [Fact]
    public void A_prediction_engine_gives_the_same_values_as_a_cursor()
    {
        var expected = Rows.Read(_ml, Transform(_texts));

        using var engine = _ml.Model.CreatePredictionEngine<Rows.Input, Rows.Output>(new GptTransformer(_model));

        Assert.Equivalent(expected, _texts.Select(text => engine.Predict(new() { Text = text })));
    }

    [Fact]
    public void Disposing_a_prediction_engine_does_not_dispose_a_shared_model()
    {
        var transformer = new GptTransformer(_model);
        _ml.Model.CreatePredictionEngine<Rows.Input, Rows.Output>(transformer).Dispose();

        Assert.Equal(_texts.Length, Rows.Read(_ml, transformer.Transform(Rows.ToView(_ml, _texts))).Length);
    }

    [Fact]
    public void Many_threads_may_share_one_transformer()
    {
        var transformer = new GptTransformer(_model);
        var expected = Rows.Read(_ml, transformer.Transform(Rows.ToView(_ml, _texts)));

        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            var ml = new MLContext(2);
            Assert.Equivalent(expected, Rows.Read(ml, transformer.Transform(Rows.ToView(ml, _texts))));
        });
    }

    [Fact]
    public void A_set_of_cursors_covers_every_row_once()
    {
        var view = Transform(_texts);
        double[] expected = [.. view.GetColumn<double>("NegativeLogLikelihood").Order()];

        var found = new List<double>();
        foreach (var cursor in view.GetRowCursorSet([view.Schema["NegativeLogLikelihood"]], 3))
        {
            using (cursor)
            {
                var get = cursor.GetGetter<double>(view.Schema["NegativeLogLikelihood"]);
                double value = 0;
                while (cursor.MoveNext())
                {
                    get(ref value);
                    found.Add(value);
                }
            }
        }

        Assert.Equal(expected, found.Order());
    }

    [Fact]
    public void It_works_in_chains_with_transforms_before_and_after_and_in_caches()
    {
        var data = Rows.ToView(_ml, _texts);
        var pipeline = _ml.Transforms.CopyColumns("Renamed", "Text")
            .Append(_ml.LanguageModeling.FromModel(_model, "Renamed"))
            .AppendCacheCheckpoint(_ml)
            .Append(_ml.Transforms.CopyColumns("Copy", "Perplexity"));

        var view = _ml.Data.Cache(pipeline.Fit(data).Transform(data), "Copy", "Perplexity");

        Assert.Equal(Rows.Read(_ml, Transform(_texts)).Select(row => row.Perplexity), view.GetColumn<double>("Copy"));
    }

    [Fact]
    public void Its_estimator_predicts_its_schema()
    {
        var columns = new GptOutputColumns { CandidateTokens = "Candidates", Tokens = "Tokens", Embedding = "Features" };
        var estimator = _ml.LanguageModeling.FromModel(_model, new GptTransformerOptions { Columns = columns });
        var data = Rows.ToView(_ml, _texts);

        // What ML.NET itself reports of a fitted view, and what the estimator predicted before there was one.
        var actual = SchemaShapes.Of(estimator.Fit(data).GetOutputSchema(data.Schema));
        var predicted = estimator.GetOutputSchema(SchemaShapes.Of(data.Schema));

        Assert.Equal(actual.Select(SchemaShapes.Describe).Order(), predicted.Select(SchemaShapes.Describe).Order());
    }

    [Fact]
    public void Its_output_can_be_saved_as_binary_and_read_back()
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory().FullName, "rows.idv");
        using (var stream = File.Create(file)) _ml.Data.SaveAsBinary(Transform(_texts), stream);

        var back = _ml.Data.LoadFromBinary(file);

        Assert.Equivalent(Rows.Read(_ml, Transform(_texts)), Rows.Read(_ml, back));
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    [Fact]
    public void A_missing_input_column_is_named()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(
            () => new GptTransformer(_model, new() { InputColumnName = "Body" }).Transform(Rows.ToView(_ml, _texts)));

        Assert.Contains("'Body'", error.Message, StringComparison.Ordinal);
        Assert.Contains("Text", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_input_column_that_is_not_text_is_named_with_its_type()
    {
        var data = _ml.Data.LoadFromEnumerable([new { Text = 1f }]);

        var error = Assert.Throws<ArgumentException>(() => new GptTransformer(_model).Transform(data));

        Assert.Contains("'Text'", error.Message, StringComparison.Ordinal);
        Assert.Contains("Single", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Impossible_columns_are_refused()
    {
        Assert.Contains("62", Refused(GptOutputColumns.All with { CandidateCount = 62 }), StringComparison.Ordinal);
        Assert.Contains("'Perplexity'", Refused(new() { PredictedToken = "Perplexity" }), StringComparison.Ordinal);
        Assert.Contains("empty", Refused(new() { Tokens = string.Empty }), StringComparison.Ordinal);

        string Refused(GptOutputColumns columns) =>
            Assert.Throws<ArgumentException>(() => new GptTransformer(_model, new() { Columns = columns })).Message;
    }

    private IDataView Transform(params IEnumerable<string?> texts) => new GptTransformer(_model).Transform(Rows.ToView(_ml, texts));
}
