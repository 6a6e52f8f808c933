using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Tests.Pipelines;

namespace MLNet.Gpt.Tests.Classification;

public sealed class GptTextTrainerTests : IDisposable
{
    private static readonly GptTextTrainerOptions Options = new() { Classifier = WordTask.Options };

    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();

    public void Dispose() => _model.Dispose();

    [Fact]
    public void A_pipeline_classifies_evaluates_and_predicts_the_same_after_loading()
    {
        var data = Rows(400, 1, 3);
        var pipeline = _ml.Transforms.Conversion.MapValueToKey("Label")
            .Append(_ml.MulticlassClassification.Trainers.GptTextClassification(Options with { InitialModel = _model }))
            .Append(_ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        using var model = (IDisposable)pipeline.Fit(data);
        var transformer = (ITransformer)model;
        var held = Rows(150, 2, 3);
        var scored = transformer.Transform(held);
        var metrics = _ml.MulticlassClassification.Evaluate(scored);
        Assert.InRange(metrics.MicroAccuracy, 0.95, 1);
        Assert.InRange(metrics.LogLoss, 0, 0.4);
        Assert.Equal(3, metrics.ConfusionMatrix.NumberOfClasses);

        VBuffer<ReadOnlyMemory<char>> names = default;
        scored.Schema["Score"].GetSlotNames(ref names);
        string[] labels = [.. names.DenseValues().Select(name => name.ToString())];
        Assert.Equal(["eight", "nine", "seven"], labels.Order());
        var rows = _ml.Data.CreateEnumerable<Scored>(scored, reuseRowObject: false).ToArray();
        Assert.All(rows, row =>
        {
            Assert.Equal(1, row.Score.Sum(), 1e-5f);
            Assert.Equal(row.PredictedLabel, labels[Array.IndexOf(row.Score, row.Score.Max())]);
        });

        using var file = new MemoryStream();
        _ml.Model.Save(transformer, data.Schema, file);
        file.Position = 0;
        var other = new MLContext();
        var loaded = other.Model.Load(file, out _);
        using var disposed = (IDisposable)loaded;
        float[][] expected = [.. rows.Select(row => row.Score)];
        var classifier = ((IEnumerable<ITransformer>)transformer).OfType<GptTextTransformer>().Single().Classifier;
        string[] texts = [.. held.GetColumn<string>("Sentence1")];
        Assert.Equal(expected, classifier.Predict(texts, TestContext.Current.CancellationToken).Select(each => each.Scores.ToArray()));
        Assert.Equal(expected, loaded.Transform(held).GetColumn<float[]>("Score"));
        using var engine = other.Model.CreatePredictionEngine<Row, Scored>(loaded);
        Assert.Equal(expected, Texts(150, 2, 3).Select(row => engine.Predict(row).Score));
        Assert.Equal(rows.Select(row => row.PredictedLabel), Texts(150, 2, 3).Select(row => engine.Predict(row).PredictedLabel));
    }

    [Fact]
    public void Parameters_are_those_of_ML_NETs_text_classification()
    {
        var method = typeof(GptTextCatalog).GetMethods().Single(
            each => each.Name == "GptTextClassification" && each.GetParameters().Length > 2);
        Assert.Equal(
            [
                "catalog", "labelColumnName=Label", "scoreColumnName=Score", "outputColumnName=PredictedLabel",
                "sentence1ColumnName=Sentence1", "sentence2ColumnName=", "batchSize=32", "maxEpochs=10", "initialModel=", "validationSet=",
            ],
            method.GetParameters().Select(each => each.HasDefaultValue ? $"{each.Name}={each.DefaultValue}" : each.Name));
        var error = Assert.Throws<ArgumentException>(() => _ml.MulticlassClassification.Trainers.GptTextClassification());
        Assert.Contains("InitialModel", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => _ml.MulticlassClassification.Trainers.GptTextClassification(batchSize: 0, initialModel: _model));
    }

    [Fact]
    public void Columns_can_be_named_and_rows_be_pairs()
    {
        var data = _ml.Transforms.Conversion.MapValueToKey("Class", "Label").Append(_ml.Transforms.CopyColumns("First", "Sentence1"))
            .Append(_ml.Transforms.CopyColumns("Second", "Sentence1")).Fit(Rows(30, 1)).Transform(Rows(30, 1));
        var trainer = _ml.MulticlassClassification.Trainers.GptTextClassification(
            "Class", "P", "Guess", "First", "Second", batchSize: 8, maxEpochs: 1, initialModel: _model, validationSet: data);
        using var transformer = trainer.Fit(data);
        Assert.Contains("'First' and 'Second'", transformer.ToString(), StringComparison.Ordinal);
        Assert.NotNull(trainer.History!.Last.ValidationLoss);
        var scored = transformer.Transform(data);
        Assert.Equal(2, ((VectorDataViewType)scored.Schema["P"].Type).Size);
        Assert.Equal(2u, (uint)((KeyDataViewType)scored.Schema["Guess"].Type).Count);
        Assert.Equal(
            SchemaShapes.Of(scored.Schema).Select(SchemaShapes.Describe).Order(),
            trainer.GetOutputSchema(SchemaShapes.Of(data.Schema)).Select(SchemaShapes.Describe).Order());
        Assert.Equal(
            transformer.Classifier.Predict("w7 w11", "w7 w11", TestContext.Current.CancellationToken).Scores,
            _ml.Model.CreatePredictionEngine<Pair, PairScores>(transformer, new PredictionEngineOptions { OwnsTransformer = false })
                .Predict(new() { First = "w7 w11", Second = "w7 w11" }).P);
    }

    [Fact]
    public void A_classifier_that_is_already_trained_enters_a_pipeline()
    {
        using var classifier = GptClassifierTests.Create(GptPresets.Tiny);
        var data = _ml.Data.LoadFromEnumerable(Texts(150, 3, 3).Append(new()).ToArray());
        var estimator = _ml.LanguageModeling.ClassifyTexts(classifier);
        using var transformer = estimator.Fit(data);
        Assert.False(transformer.OwnsClassifier);
        var scored = transformer.Transform(data);
        Assert.Equal(
            SchemaShapes.Of(scored.Schema).Select(SchemaShapes.Describe).Order(),
            estimator.GetOutputSchema(SchemaShapes.Of(data.Schema)).Select(SchemaShapes.Describe).Order());
        var predictions = classifier.Predict([.. data.GetColumn<string>("Sentence1")], TestContext.Current.CancellationToken);
        Assert.Equal(predictions.Select(each => each.Scores.ToArray()), scored.GetColumn<float[]>("Score"));
        var labels = _ml.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(scored).Transform(scored);
        Assert.Equal(predictions.Select(each => each.Label), labels.GetColumn<string>("PredictedLabel"));
        transformer.Dispose();
        Assert.NotNull(classifier.Predict("w1", cancellationToken: TestContext.Current.CancellationToken).Label);

        // An empty text has no prediction if there is no token to stand for it.
        var withoutEnd = new WordTokenizer([.. Enumerable.Range(0, 61).Select(i => $"w{i}")]);
        using var other = GptClassifierTests.Create(GptPresets.Tiny, tokenizer: withoutEnd);
        var rows = _ml.LanguageModeling.ClassifyTexts(other).Fit(data).Transform(data);
        Assert.Equal(0u, rows.GetColumn<uint>("PredictedLabel").Last());
        Assert.All(rows.GetColumn<float[]>("Score").Last(), score => Assert.True(float.IsNaN(score)));
    }

    [Fact]
    public void Cross_validation_trains_and_measures_each_fold()
    {
        var data = _ml.Transforms.Conversion.MapValueToKey("Label").Fit(Rows(240, 1)).Transform(Rows(240, 1));
        var results = _ml.MulticlassClassification.CrossValidate(
            data, _ml.MulticlassClassification.Trainers.GptTextClassification(Options with { InitialModel = _model }), numberOfFolds: 2);
        Assert.All(results, fold => Assert.InRange(fold.Metrics.MicroAccuracy, 0.7, 1));
        foreach (var fold in results) ((IDisposable)fold.Model).Dispose();
    }

    [Fact]
    public void A_number_is_predicted_evaluated_and_saved()
    {
        var data = _ml.Data.LoadFromEnumerable(Numbers(400, 1));
        var trainer = _ml.Regression.Trainers.GptTextRegression(Options with { InitialModel = _model });
        using var transformer = trainer.Fit(data);
        var held = _ml.Data.LoadFromEnumerable(Numbers(100, 2));
        var scored = transformer.Transform(held);
        Assert.InRange(_ml.Regression.Evaluate(scored).RSquared, 0.85, 1);
        Assert.Equal(
            SchemaShapes.Of(scored.Schema).Select(SchemaShapes.Describe).Order(),
            trainer.GetOutputSchema(SchemaShapes.Of(data.Schema)).Select(SchemaShapes.Describe).Order());
        using var file = new MemoryStream();
        _ml.Model.Save(transformer, data.Schema, file);
        file.Position = 0;
        using var loaded = (GptTextTransformer)new MLContext().Model.Load(file, out _);
        Assert.True(loaded.Classifier.IsRegression);
        Assert.Equal(scored.GetColumn<float>("Score"), loaded.Transform(held).GetColumn<float>("Score"));
        Assert.Throws<ArgumentException>(
            () => _ml.MulticlassClassification.Trainers.GptTextClassification(Options with { InitialModel = _model }).Fit(data));
    }

    [Fact]
    public void Labels_of_other_types_come_back_as_they_were_and_missing_ones_are_not_used()
    {
        float[] values = [1.5f, -2, float.NaN];
        var rows = Texts(60, 1, 3).Select((row, i) => new NumberRow { Sentence1 = row.Sentence1, Label = values[i % 3] });
        var raw = _ml.Data.LoadFromEnumerable(rows);
        var data = _ml.Transforms.Conversion.MapValueToKey("Label").Fit(raw).Transform(raw);
        var log = new List<string>();
        _ml.Log += (_, message) => { lock (log) log.Add(message.Message); };
        using var chain = (IDisposable)_ml.MulticlassClassification.Trainers.GptTextClassification(Options with
            {
                InitialModel = _model, Classifier = WordTask.Options with { Training = new() { MaxSteps = 1 } },
            })
            .Append(_ml.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(data);
        Assert.Contains(log, message => message.Contains("Training All on 40 rows", StringComparison.Ordinal));
        Assert.Contains(log, message => message.Contains("accuracy", StringComparison.Ordinal));
        Assert.Contains(log, message => message.Contains("20 rows without a label are not used", StringComparison.Ordinal));
        using var file = new MemoryStream();
        _ml.Model.Save((ITransformer)chain, data.Schema, file);
        file.Position = 0;
        using var loaded = (IDisposable)new MLContext().Model.Load(file, out _);
        float[] predicted = [.. ((ITransformer)loaded).Transform(data).GetColumn<float>("PredictedLabel")];
        Assert.All(predicted, value => Assert.Contains(value, values[..2]));
    }

    [Fact]
    public void Training_starts_from_a_path_and_MLContext_cancels_it()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "m.safetensors");
        GptCheckpoint.Save(path, _model, _model.Tokenizer, cancellationToken: TestContext.Current.CancellationToken);
        var data = _ml.Transforms.Conversion.MapValueToKey("Label").Fit(Rows(60, 1)).Transform(Rows(60, 1));
        var trainers = _ml.MulticlassClassification.Trainers;
        using var fromPath = trainers.GptTextClassification(Options with { InitialModelPath = path }).Fit(data);
        using var fromModel = trainers.GptTextClassification(Options with { InitialModel = _model }).Fit(data);
        Assert.Equal(fromModel.Classifier.HeadWeight.ToArray(), fromPath.Classifier.HeadWeight.ToArray());

        int last = 0;
        var progress = new Reporter(report =>
        {
            last = report.Step;
            if (report.Step == 2) CancelExecution(_ml);
        });
        var trainer = trainers.GptTextClassification(Options with { InitialModel = _model, Progress = progress });
        Assert.Throws<OperationCanceledException>(() => trainer.Fit(data));
        Assert.Equal(2, last);
    }

    [Fact]
    public void Columns_that_do_not_fit_are_refused_by_name()
    {
        var trainer = _ml.MulticlassClassification.Trainers.GptTextClassification(Options with { InitialModel = _model });
        var text = Rows(5, 1);
        var error = Assert.Throws<ArgumentException>(() => trainer.Fit(text));
        Assert.Contains("'Label'", error.Message, StringComparison.Ordinal);
        Assert.Contains("MapValueToKey", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => trainer.GetOutputSchema(SchemaShapes.Of(text.Schema)));
        var keys = _ml.Transforms.Conversion.MapValueToKey("Label").Fit(text).Transform(text);
        var missing = _ml.MulticlassClassification.Trainers.GptTextClassification(
            Options with { InitialModel = _model, Sentence1ColumnName = "x" });
        Assert.Throws<ArgumentOutOfRangeException>(() => missing.Fit(keys));
        Assert.Throws<ArgumentOutOfRangeException>(() => missing.GetOutputSchema(SchemaShapes.Of(keys.Schema)));
        Assert.Throws<ArgumentException>(() => Options with { ScoreColumnName = "" });
        Assert.Throws<ArgumentException>(() => _ml.MulticlassClassification.Trainers.GptTextClassification(
            Options with { InitialModel = _model, InitialModelPath = "x" }));
    }

    // Internal in ML.NET, whose AutoML calls it.
    private static void CancelExecution(MLContext ml) =>
        typeof(MLContext).GetMethod("CancelExecution", BindingFlags.NonPublic | BindingFlags.Instance)!.Invoke(ml, null);

    private IDataView Rows(int count, int seed, int classes = 2) => _ml.Data.LoadFromEnumerable(Texts(count, seed, classes).ToArray());

    private static IEnumerable<Row> Texts(int count, int seed, int classes) =>
        WordTask.Rows(count, seed, classes).Select(row => new Row { Sentence1 = row.Text, Label = row.Label! });

    private static NumberRow[] Numbers(int count, int seed) =>
        [.. WordTask.Numbers(count, seed).Select(row => new NumberRow { Sentence1 = row.Text, Label = row.Value!.Value })];

    private sealed class Row
    {
        public string Sentence1 { get; set; } = "";

        public string Label { get; set; } = "";
    }

    private sealed class NumberRow
    {
        public string Sentence1 { get; set; } = "";

        public float Label { get; set; }
    }

    private sealed class Pair
    {
        public string First { get; set; } = "";

        public string Second { get; set; } = "";
    }

    private sealed class PairScores
    {
        public float[] P { get; set; } = [];
    }

    private sealed class Scored
    {
        public string PredictedLabel { get; set; } = "";

        public float[] Score { get; set; } = [];
    }

    private sealed class Reporter(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
