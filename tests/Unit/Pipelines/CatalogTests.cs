using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.ML;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>How the catalog is accessed, and its asynchronous forms.</summary>
public sealed class CatalogTests : IDisposable
{
    private static readonly GptTrainerOptions Training = new()
    {
        Config = GptPresets.Tiny, Tokenizer = TinyModels.Words,
        Training = new() { MaxSteps = 2, BatchSize = 4, EvaluationBatches = 1, WarmUpSteps = 0 },
    };

    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();
    private readonly TemporaryDirectory _folder = new();

    private IDataView Data => Rows.ToView(_ml, Enumerable.Range(0, 12).Select(i => TinyModels.Text(3 + i, i)));

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Languages_without_extension_properties_call_a_method_with_another_name()
    {
        var method = typeof(LanguageModelingExtensions).GetMethod(
            "GetLanguageModeling", BindingFlags.Public | BindingFlags.Static, [typeof(MLContext)])!;

        Assert.True(method.IsDefined(typeof(ExtensionAttribute), inherit: false));
        Assert.Equal(typeof(LanguageModelingCatalog), method.ReturnType);
        Assert.IsType<LanguageModelingCatalog>(method.Invoke(null, [_ml]));
        // If there were a method with the property's name, both would be ambiguous in C# 14.
        Assert.DoesNotContain(typeof(LanguageModelingExtensions).GetMethods(), each => each.Name == "LanguageModeling");
    }

    [Fact]
    public async Task Saving_loading_and_evaluating_have_asynchronous_forms()
    {
        var token = TestContext.Current.CancellationToken;
        string file = Path.Combine(_folder.Path, "pipeline.zip");
        var pipeline = _ml.LanguageModeling.FromModel(_model).Fit(Data);
        var reports = new List<LanguageModelMetrics>();

        await _ml.LanguageModeling.SaveModelAsync(pipeline, Data.Schema, file, token);
        using var loaded = await _ml.LanguageModeling.LoadModelAsync(file, cancellationToken: token);
        var metrics = await _ml.LanguageModeling.EvaluateAsync(
            loaded.Transform(Data), progress: new Reporter(reports), cancellationToken: token);

        Assert.Equal(_ml.LanguageModeling.Evaluate(pipeline.Transform(Data)).CrossEntropy, metrics.CrossEntropy);
        Assert.Equal(12, reports.Count);
    }

    [Fact]
    public async Task A_canceled_token_stops_the_asynchronous_forms()
    {
        var canceled = new CancellationToken(canceled: true);
        string file = Path.Combine(_folder.Path, "pipeline.zip");
        var pipeline = _ml.LanguageModeling.FromModel(_model).Fit(Data);
        var catalog = _ml.LanguageModeling;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => catalog.SaveModelAsync(pipeline, Data.Schema, file, canceled));
        Assert.False(File.Exists(file));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => catalog.LoadModelAsync(file, cancellationToken: canceled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => catalog.EvaluateAsync(pipeline.Transform(Data), cancellationToken: canceled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => catalog.Trainers.Gpt(Training).FitAsync(Data, cancellationToken: canceled));
    }

    [Fact]
    public void Loading_reports_progress_and_can_be_canceled_in_the_middle_of_the_weights()
    {
        var transformer = new GptTransformer(_model);
        string package = Path.Combine(_folder.Path, "package.zip"), checkpoint = Path.Combine(_folder.Path, "model.safetensors");
        transformer.Save(package);
        _model.Export(checkpoint);
        foreach (string file in (string[])[package, checkpoint])
        {
            var fractions = new List<double>();
            _ml.LanguageModeling.LoadModel(file, progress: new FractionReporter(fractions.Add)).Dispose();
            Assert.Equal(fractions.Order(), fractions);
            Assert.Equal(1, fractions[^1]);

            using var cancellation = new CancellationTokenSource();
            var stopping = new FractionReporter(_ => cancellation.Cancel());
            Assert.ThrowsAny<OperationCanceledException>(
                () => _ml.LanguageModeling.LoadModel(file, progress: stopping, cancellationToken: cancellation.Token));
        }
    }

    [Fact]
    public void Loading_a_pipeline_observes_the_calls_token()
    {
        string file = Path.Combine(_folder.Path, "pipeline.zip");
        _ml.Model.Save(new GptTransformer(_model), Data.Schema, file);

        using (Cancellation.OfCall(new(canceled: true)))
        {
            Assert.IsAssignableFrom<OperationCanceledException>(
                Assert.ThrowsAny<Exception>(() => _ml.Model.Load(file, out _)).GetBaseException());
        }

        Assert.ThrowsAny<OperationCanceledException>(() => _ml.LanguageModeling.LoadModel(file, cancellationToken: new(canceled: true)));
        using var loaded = (GptTransformer)_ml.Model.Load(file, out _);
    }

    [Fact]
    public async Task Training_has_an_asynchronous_form_with_the_same_result()
    {
        var trainer = _ml.LanguageModeling.Trainers.Gpt(Training);
        using var alone = trainer.Fit(Data);
        using var validated = trainer.Fit(Data, Data);

        using var other = await trainer.FitAsync(Data, cancellationToken: TestContext.Current.CancellationToken);
        using var otherValidated = await trainer.FitAsync(Data, Data, TestContext.Current.CancellationToken);

        Assert.Equal(Loss(alone), Loss(other));
        Assert.Equal(Loss(validated), Loss(otherValidated));
        Assert.NotNull(trainer.History!.Last.ValidationLoss);

        double Loss(GptTransformer transformer) => _ml.LanguageModeling.Evaluate(transformer.Transform(Data)).CrossEntropy;
    }

    [Fact]
    public async Task Training_observes_the_tokens_of_the_call_and_of_the_options()
    {
        foreach (bool isOfCall in (bool[])[true, false])
        {
            using var cancellation = new CancellationTokenSource();
            int last = 0;
            var options = Training with
            {
                Training = Training.Training with { MaxSteps = 50, Epochs = 100 },
                Progress = new StepReporter(step => { last = step; if (step == 2) cancellation.Cancel(); }),
                CancellationToken = isOfCall ? CancellationToken.None : cancellation.Token,
            };
            var trainer = _ml.LanguageModeling.Trainers.Gpt(options);

            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => trainer.FitAsync(Data, cancellationToken: isOfCall ? cancellation.Token : CancellationToken.None));

            Assert.Equal(2, last);
        }
    }

    [Fact]
    public void Components_describe_themselves()
    {
        var transformer = new GptTransformer(_model, new() { InputColumnName = "Body" });

        Assert.StartsWith("GptTransformer: 'Body' to 12 columns; ", transformer.ToString(), StringComparison.Ordinal);
        Assert.Contains("parameters, Float32", transformer.ToString(), StringComparison.Ordinal);
        Assert.StartsWith(
            "GptScoringEstimator of GptTransformer: 'Text'",
            _ml.LanguageModeling.FromModel(_model).ToString(),
            StringComparison.Ordinal);
        Assert.StartsWith("GptTrainer: 'Text'; ", _ml.LanguageModeling.Trainers.Gpt(Training).ToString(), StringComparison.Ordinal);
    }

    private sealed class Reporter(List<LanguageModelMetrics> reports) : IProgress<LanguageModelMetrics>
    {
        public void Report(LanguageModelMetrics value) => reports.Add(value);
    }

    private sealed class FractionReporter(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }

    private sealed class StepReporter(Action<int> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value.Step);
    }
}
