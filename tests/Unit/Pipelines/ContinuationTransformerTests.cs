using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Tests.Pipelines;

public sealed class ContinuationTransformerTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Choices_get_the_scores_of_the_scorer()
    {
        var data = _ml.Data.LoadFromEnumerable(Questions());
        var scored = _ml.LanguageModeling.ScoreContinuations(_model).Fit(data).Transform(data);
        var rows = _ml.Data.CreateEnumerable<Scored>(scored, reuseRowObject: false).ToArray();
        var scorer = new ContinuationScorer(_model);
        Assert.Equal(20, rows.Length);
        Assert.All(rows, row =>
        {
            string[] continuations = [.. row.Continuation.Select(each => " " + each)];
            var expected = scorer.Score(row.Context, continuations, TestContext.Current.CancellationToken);
            double[] likelihoods = [.. expected.Select(score => score.LogLikelihood)];
            Assert.Equal(likelihoods, row.LogLikelihood);
            Assert.Equal(expected.Select(score => (long)score.TokenCount), row.ContinuationTokenCount);
            Assert.Equal(expected.Select(score => score.IsGreedy), row.IsGreedy);
            Assert.Equal(Array.IndexOf(likelihoods, likelihoods.Max()), row.PredictedIndex);
            Assert.Equal(1, row.Probabilities.Sum(), 1e-5f);
            Assert.Equal(row.Probabilities.Max(), row.Probabilities[row.PredictedIndex]);
        });

        var metrics = _ml.LanguageModeling.EvaluateContinuations(scored);
        TaskQuestion[] questions = [.. Questions().Select(row => TaskQuestion.MultipleChoice(row.Context, row.Continuation, row.Answer))];
        var task = new TaskEvaluator(_model).Evaluate(questions, cancellationToken: TestContext.Current.CancellationToken).Metrics;
        Assert.Equal((task.AnsweredCount, task.RightCount), (metrics.AnsweredCount, metrics.RightCount));
        Assert.Equal(task.AccuracyPerByte.Value, metrics.AccuracyPerByte.Value);
        Assert.Equal(task.BrierScore.Value, metrics.BrierScore.Value, 1e-9);
    }

    [Fact]
    public void A_single_continuation_is_a_scalar_and_right_if_it_is_greedy()
    {
        Pair[] pairs = [.. Enumerable.Range(0, 8).Select(i => new Pair { Context = TinyModels.Text(i, i), Continuation = $"w{i}" }), new()];
        var data = _ml.Data.LoadFromEnumerable(pairs);
        var scored = _ml.LanguageModeling.ScoreContinuations(_model).Fit(data).Transform(data);
        Assert.Null(scored.Schema.GetColumnOrNull("PredictedIndex"));
        double[] likelihoods = [.. scored.GetColumn<double>("LogLikelihood")];
        bool[] greedy = [.. scored.GetColumn<bool>("IsGreedy")];
        Assert.Equal(9, likelihoods.Length);
        Assert.True(double.IsNaN(likelihoods[8]));
        var metrics = _ml.LanguageModeling.EvaluateContinuations(scored);
        Assert.Equal((8, greedy.Count(each => each)), (metrics.AnsweredCount, metrics.RightCount));
        Assert.Equal(Math.Exp(-likelihoods.Take(8).Average()), metrics.Perplexity.Value, 1e-9);
    }

    [Fact]
    public void The_schema_has_slots_and_a_shape_and_only_read_columns_are_computed()
    {
        var data = _ml.Data.LoadFromEnumerable(Questions(), WithFixedSize());
        var estimator = _ml.LanguageModeling.ScoreContinuations(_model);
        var scored = estimator.Fit(data).Transform(data);
        var column = scored.Schema["LogLikelihood"];
        Assert.Equal(3, ((VectorDataViewType)column.Type).Size);
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.GetSlotNames(ref names);
        Assert.Equal(["1", "2", "3"], names.DenseValues().Select(name => name.ToString()));
        Assert.Equal("LanguageModeling", Annotation(scored.Schema["PredictedIndex"], "ScoreColumnKind"));

        var shape = estimator.GetOutputSchema(SchemaShapes.Of(data.Schema));
        Assert.Equal(
            SchemaShapes.Of(scored.Schema).Select(SchemaShapes.Describe).Order(), shape.Select(SchemaShapes.Describe).Order());

        using var cursor = scored.GetRowCursor([scored.Schema["Answer"], column]);
        Assert.True(cursor.IsColumnActive(column));
        Assert.False(cursor.IsColumnActive(scored.Schema["IsGreedy"]));
        var options = new ContinuationTransformerOptions { IsGreedy = null, Probabilities = "p" };
        var some = _ml.LanguageModeling.ScoreContinuations(_model, options).Fit(data).Transform(data);
        Assert.Null(some.Schema.GetColumnOrNull("IsGreedy"));
        Assert.NotNull(some.Schema.GetColumnOrNull("p"));
        var missing = _ml.LanguageModeling.ScoreContinuations(_model, new() { ContextColumnName = "x" });
        Assert.Throws<ArgumentOutOfRangeException>(() => missing.Fit(data));
        var wrong = _ml.LanguageModeling.ScoreContinuations(_model, new() { ContinuationColumnName = "Answer" });
        Assert.Throws<ArgumentException>(() => wrong.Fit(data));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.LanguageModeling.EvaluateContinuations(scored, "Missing"));
    }

    [Fact]
    public void A_saved_pipeline_predicts_the_same_and_shares_its_model()
    {
        var data = _ml.Data.LoadFromEnumerable(Questions());
        var options = new ContinuationTransformerOptions { Normalization = TaskNormalization.Bytes, Delimiter = "\n" };
        var pipeline = _ml.LanguageModeling.ScoreContinuations(_model, options)
            .Append(_ml.LanguageModeling.FromModel(_model, "Context"))
            .Fit(data);
        using var file = new MemoryStream();
        _ml.Model.Save(pipeline, data.Schema, file);
        file.Position = 0;
        var loaded = new MLContext(seed: 1).Model.Load(file, out _);
        using var disposed = (IDisposable)loaded;
        var transformer = Assert.IsType<ContinuationTransformer>(((IEnumerable<ITransformer>)loaded).First());
        var other = Assert.IsType<GptTransformer>(((IEnumerable<ITransformer>)loaded).Last());
        Assert.Equal((options.Normalization, "\n"), (transformer.Options.Normalization, transformer.Options.Delimiter));
        Assert.True(transformer.OwnsModel);
        Assert.Same(other.Model, transformer.Model);
        double[][] expected = Likelihoods(pipeline.Transform(data));
        Assert.Equal(expected, Likelihoods(loaded.Transform(data)));

        // An engine changes the row without moving.
        using var engine = _ml.Model.CreatePredictionEngine<Question, Scored>(pipeline);
        Assert.Equal(expected, Questions().Select(question => engine.Predict(question).LogLikelihood));
        Assert.Equal(-1, engine.Predict(new()).PredictedIndex);
        var empty = engine.Predict(new() { Context = "w1", Continuation = ["w2", "", "w3"] });
        Assert.True(double.IsNaN(empty.LogLikelihood[1]));
        Assert.NotEqual(1, empty.PredictedIndex);
    }

    [Fact]
    public void A_view_can_be_canceled()
    {
        var data = _ml.Data.LoadFromEnumerable(Questions());
        using var source = new CancellationTokenSource();
        var scored = _ml.LanguageModeling.ScoreContinuations(_model).Fit(data).Transform(data, source.Token);
        source.Cancel();
        var error = Assert.ThrowsAny<Exception>(() => scored.GetColumn<double[]>("LogLikelihood").ToArray());
        Assert.IsAssignableFrom<OperationCanceledException>(error.GetBaseException()); // ML.NET's splitter wraps exceptions
    }

    private static double[][] Likelihoods(IDataView view) => [.. view.GetColumn<double[]>("LogLikelihood")];

    private static string Annotation(DataViewSchema.Column column, string kind)
    {
        ReadOnlyMemory<char> value = default;
        column.Annotations.GetValue(kind, ref value);
        return value.ToString();
    }

    private static SchemaDefinition WithFixedSize()
    {
        var schema = SchemaDefinition.Create(typeof(Question));
        schema["Continuation"].ColumnType = new VectorDataViewType(TextDataViewType.Instance, 3);
        return schema;
    }

    private static Question[] Questions() => [.. Enumerable.Range(0, 20).Select(i => new Question
    {
        Context = TinyModels.Text(i % 8, i),
        Continuation = [.. Enumerable.Range(0, 3).Select(choice => TinyModels.Text(1 + ((i + choice) % 3), (i * 5) + choice))],
        Answer = i % 3,
    })];

    private sealed class Question
    {
        public string Context { get; set; } = "";

        public string[] Continuation { get; set; } = [];

        public int Answer { get; set; }
    }

    private sealed class Pair
    {
        public string Context { get; set; } = "";

        public string Continuation { get; set; } = "";
    }

    private sealed class Scored
    {
        public string Context { get; set; } = "";

        public string[] Continuation { get; set; } = [];

        public double[] LogLikelihood { get; set; } = [];

        public long[] ContinuationTokenCount { get; set; } = [];

        public bool[] IsGreedy { get; set; } = [];

        public int PredictedIndex { get; set; }

        public float[] Probabilities { get; set; } = [];
    }
}
