using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Tests.TorchSharp;

namespace MLNet.Gpt.Tests.Pipelines;

[Collection(TorchCollection.Name)]
public class CrossValidationTests
{
    private static readonly string[] Texts = [.. Enumerable.Range(0, 10).Select(
        i => string.Join(' ', Enumerable.Range(0, 30).Select(t => $"w{(i + (7 * t)) % 60}")))];

    private static readonly GptTrainerOptions Options = new()
    {
        Config = GptPresets.Tiny,
        Tokenizer = TinyModels.Words,
        Training = new() { MaxSteps = 3, BatchSize = 4, LearningRate = 5e-3, ValidationFraction = 0 },
    };

    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void Every_document_is_held_out_once_and_the_folds_merge_into_all_of_them()
    {
        var data = Rows.ToView(_ml, Texts);

        var results = _ml.LanguageModeling.CrossValidate(data, _ml.LanguageModeling.Trainers.Gpt(Options), numberOfFolds: 3);

        Assert.Equal([0, 1, 2], results.Select(result => result.Fold));
        Assert.Equal([3L, 3, 4], results.Select(result => result.Metrics.DocumentCount).Order());
        Assert.Equal(Texts.Order(), results.SelectMany(result => result.ScoredHoldOutSet.GetColumn<string>("Text")).Order());
        var whole = LanguageModelMetrics.Merge(results.Select(result => result.Metrics));
        Assert.Equal(10, whole.DocumentCount);
        Assert.Equal(10 * 29, whole.TokenCount);
        foreach (var result in results)
        {
            var again = _ml.LanguageModeling.Evaluate(
                result.Model.Transform(Rows.ToView(_ml, result.ScoredHoldOutSet.GetColumn<string>("Text"))));
            Assert.Equal(result.Metrics.ToExactString(), again.ToExactString());
        }
    }

    [Fact]
    public void A_fold_is_trained_only_on_the_other_documents()
    {
        var seen = new List<string[]>();
        var trainer = new RememberingEstimator(
            _ml.LanguageModeling.FromModel(TinyModels.Create()), view => seen.Add([.. view.GetColumn<string>("Text")]));

        var results = _ml.LanguageModeling.CrossValidate(Rows.ToView(_ml, Texts), trainer, numberOfFolds: 5);

        foreach (var (training, result) in seen.Zip(results))
        {
            string[] held = [.. result.ScoredHoldOutSet.GetColumn<string>("Text")];
            Assert.Equal(2, held.Length);
            Assert.Empty(training.Intersect(held));
            Assert.Equal(Texts.Order(), training.Concat(held).Order());
        }
    }

    [Fact]
    public void The_contexts_seed_decides_folds_and_metrics()
    {
        double[] Run(int seed)
        {
            var ml = new MLContext(seed);
            var trainer = ml.LanguageModeling.Trainers.Gpt(Options);
            var results = ml.LanguageModeling.CrossValidate(Rows.ToView(ml, Texts), trainer, numberOfFolds: 2);
            return [.. results.Select(result => result.Metrics.CrossEntropy)];
        }

        Assert.Equal(Run(7), Run(7));
        Assert.NotEqual(Run(7), Run(8));
    }

    [Fact]
    public void Rows_with_the_same_key_stay_together()
    {
        using var model = TinyModels.Create();
        var data = _ml.Data.LoadFromEnumerable(Texts.Select((text, i) => new { Text = text, Book = $"book {i % 4}" }));

        var results = _ml.LanguageModeling.CrossValidate(
            data, _ml.LanguageModeling.FromModel(model), numberOfFolds: 2, samplingKeyColumnName: "Book");

        string[][] books = [.. results.Select(result => result.ScoredHoldOutSet.GetColumn<string>("Book").Distinct().ToArray())];
        Assert.Empty(books[0].Intersect(books[1]));
        Assert.Equal(4, books.Sum(each => each.Length));
        Assert.Equal([5L, 5], results.Select(result => result.Metrics.DocumentCount)); // books of 3, 3, 2 and 2
    }

    [Fact]
    public void Rows_without_a_key_form_their_own_groups()
    {
        using var model = TinyModels.Create();
        var data = _ml.Data.LoadFromEnumerable(Texts.Select((text, i) => new { Text = text, Book = i == 0 ? float.NaN : i % 2 }));

        var results = _ml.LanguageModeling.CrossValidate(
            data, _ml.LanguageModeling.FromModel(model), numberOfFolds: 3, samplingKeyColumnName: "Book");

        Assert.Equal([1L, 4, 5], results.Select(result => result.Metrics.DocumentCount).Order());
    }

    [Fact]
    public void Data_that_cannot_be_divided_into_folds_is_refused()
    {
        using var model = TinyModels.Create();
        var estimator = _ml.LanguageModeling.FromModel(model);

        Assert.Contains(
            "2 documents",
            Assert.Throws<ArgumentException>(() => _ml.LanguageModeling.CrossValidate(Rows.ToView(_ml, Texts[..2]), estimator, 3)).Message,
            StringComparison.Ordinal);
        Assert.Contains("numberOfFolds is 1", Assert.Throws<ArgumentOutOfRangeException>(
            () => _ml.LanguageModeling.CrossValidate(Rows.ToView(_ml, Texts), estimator, 1)).Message, StringComparison.Ordinal);
        Assert.Contains("'Book'", Assert.Throws<ArgumentOutOfRangeException>(() => _ml.LanguageModeling.CrossValidate(
            Rows.ToView(_ml, Texts), estimator, samplingKeyColumnName: "Book")).Message, StringComparison.Ordinal);
        Assert.Throws<OperationCanceledException>(
            () => _ml.LanguageModeling.CrossValidate(Rows.ToView(_ml, Texts), estimator, cancellationToken: new(canceled: true)));
    }

    [Fact]
    public void ML_NET_s_own_splits_work_as_well()
    {
        using var model = TinyModels.Create();
        var data = Rows.ToView(_ml, Texts);
        var transformer = _ml.LanguageModeling.FromModel(model).Fit(data);
        double[] all = [.. transformer.Transform(data).GetColumn<double>("NegativeLogLikelihood").Order()];

        var split = _ml.Data.TrainTestSplit(data, testFraction: 0.3);
        double[] parts = [.. new[] { split.TrainSet, split.TestSet }.SelectMany(
            part => transformer.Transform(part).GetColumn<double>("NegativeLogLikelihood")).Order()];
        double[] folds = [.. _ml.Data.CrossValidationSplit(transformer.Transform(data), 3).SelectMany(
            fold => fold.TestSet.GetColumn<double>("NegativeLogLikelihood")).Order()];

        Assert.Equal(all, parts);
        Assert.Equal(all, folds);
    }

    private sealed class RememberingEstimator(IEstimator<ITransformer> inner, Action<IDataView> remember) : IEstimator<ITransformer>
    {
        public ITransformer Fit(IDataView input)
        {
            remember(input);
            return inner.Fit(input);
        }

        public SchemaShape GetOutputSchema(SchemaShape inputSchema) => inner.GetOutputSchema(inputSchema);
    }
}
