using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Extensions;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>Who frees a model's weights: the transformer that trained or loaded it, and never one over the caller's model.</summary>
public sealed class OwnershipTests : IDisposable
{
    private static readonly GptTrainerOptions Training = new()
    {
        Config = GptPresets.Tiny, Tokenizer = TinyModels.Words,
        Training = new() { MaxSteps = 1, BatchSize = 4, EvaluationBatches = 1, WarmUpSteps = 0 },
    };

    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();
    private readonly TemporaryDirectory _folder = new();

    private IDataView Data => Rows.ToView(_ml, Enumerable.Range(0, 8).Select(i => TinyModels.Text(3 + i, i)));

    private string File => Path.Combine(_folder.Path, "saved.zip");

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_transformer_over_the_callers_model_leaves_it_alone()
    {
        var transformer = new GptTransformer(_model);
        var fitted = _ml.LanguageModeling.FromModel(_model).Fit(Data);
        Assert.False(transformer.OwnsModel);
        Assert.False(fitted.OwnsModel);

        transformer.Dispose();
        fitted.Dispose();

        AssertWorks(transformer);
        AssertWorks(fitted);
    }

    [Fact]
    public void A_trained_transformer_owns_its_model()
    {
        var transformer = _ml.LanguageModeling.Trainers.Gpt(Training).Fit(Data);
        Assert.True(transformer.OwnsModel);
        AssertWorks(transformer);

        transformer.Dispose();
        transformer.Dispose(); // has no further effect

        AssertFreed(transformer);
    }

    [Fact]
    public void A_loaded_transformer_owns_its_model_whatever_it_was_loaded_from()
    {
        var transformer = new GptTransformer(_model);
        string package = Path.Combine(_folder.Path, "package.zip"), checkpoint = Path.Combine(_folder.Path, "model.safetensors");
        transformer.Save(package);
        _ml.Model.Save(transformer, Data.Schema, File);
        _model.Export(checkpoint);

        foreach (var loaded in (GptTransformer[])
        [
            GptTransformer.Load(package), _ml.LanguageModeling.LoadModel(package), (GptTransformer)_ml.Model.Load(package, out _),
            _ml.LanguageModeling.LoadModel(File), (GptTransformer)_ml.Model.Load(File, out _), _ml.LanguageModeling.LoadModel(checkpoint),
            _ml.LanguageModeling.LoadModel(File, new GptTransformerOptions { InputColumnName = "Text" }),
            _ml.LanguageModeling.LoadModel(File, modelOptions: new() { Precision = WeightPrecision.BFloat16 }),
        ])
        {
            Assert.True(loaded.OwnsModel);
            AssertWorks(loaded);
            loaded.Dispose();
            AssertFreed(loaded);
        }
    }

    [Fact]
    public void Transformers_that_share_a_loaded_model_own_it_together()
    {
        var pipeline = Step("A.").Append(Step("B.")).Append(Step("C.")).Fit(Data);
        _ml.Model.Save(pipeline, Data.Schema, File);
        GptTransformer[] loaded = [.. ((IEnumerable<ITransformer>)_ml.Model.Load(File, out _)).Cast<GptTransformer>()];

        loaded[0].Dispose();
        loaded[0].Dispose(); // counts once
        loaded[2].Dispose();
        AssertWorks(loaded[1]);

        loaded[1].Dispose();
        AssertFreed(loaded[1]);

        GptScoringEstimator Step(string prefix) =>
            _ml.LanguageModeling.FromModel(_model, new GptTransformerOptions { Columns = new GptOutputColumns().WithPrefix(prefix) });
    }

    [Fact]
    public void Disposing_a_chain_disposes_its_transformers()
    {
        var chain = _ml.Transforms.CopyColumns("Copy", "Text").Append(_ml.LanguageModeling.Trainers.Gpt(Training)).Fit(Data);

        chain.Dispose();

        AssertFreed(chain.LastTransformer);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_prediction_engine_disposes_its_transformer_unless_told_not_to(bool ownsTransformer)
    {
        var transformer = _ml.LanguageModeling.Trainers.Gpt(Training).Fit(Data);
        var options = ownsTransformer ? new PredictionEngineOptions() : new PredictionEngineOptions { OwnsTransformer = false };
        using (var engine = _ml.Model.CreatePredictionEngine<Rows.Input, Rows.Output>(transformer, options))
        {
            Assert.NotEmpty(engine.Predict(new() { Text = "w1 w2" }).PredictedToken);
        }

        if (ownsTransformer)
        {
            AssertFreed(transformer);
            return;
        }

        AssertWorks(transformer);
        transformer.Dispose();
    }

    [Fact]
    public void A_pool_disposes_a_pipeline_that_it_loaded()
    {
        _ml.Model.Save(new GptTransformer(_model), Data.Schema, File);
        var pool = PredictionPool<Rows.Input, Rows.Output>.Load(File);
        Assert.NotEmpty(pool.Predict(new() { Text = "w1" }).PredictedToken);

        pool.Dispose();

        AssertFreed((GptTransformer)pool.Pipeline);
    }

    [Fact]
    public async Task A_pool_disposes_its_pipeline_after_the_last_call()
    {
        _ml.Model.Save(new GptTransformer(_model), Data.Schema, File);
        var pool = PredictionPool<Rows.Input, Rows.Output>.Load(File);
        var transformer = (GptTransformer)pool.Pipeline;
        using var isRunning = new ManualResetEventSlim();
        using var mayGoOn = new ManualResetEventSlim();
        transformer.Scorer.PassStarting = (_, _) =>
        {
            isRunning.Set();
            mayGoOn.Wait();
        };
        var call = Task.Run(() => pool.Predict(new() { Text = "w1 w2" }));
        isRunning.Wait();

        pool.Dispose();
        pool.Dispose();
        mayGoOn.Set();

        Assert.NotEmpty((await call).PredictedToken);
        transformer.Scorer.PassStarting = null;
        AssertFreed(transformer);
    }

    private void AssertWorks(GptTransformer transformer) => Assert.All(Losses(transformer), loss => Assert.True(double.IsFinite(loss)));

    private void AssertFreed(GptTransformer transformer) => Assert.Throws<ObjectDisposedException>(() => Losses(transformer));

    private double[] Losses(GptTransformer transformer) =>
        [.. transformer.Transform(Data).GetColumn<double>(transformer.Options.Columns.Perplexity!)];
}
