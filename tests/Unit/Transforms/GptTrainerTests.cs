using Microsoft.ML;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tests.Runtime;
using MLNet.Gpt.Training;
using MLNet.Gpt.Transforms;

namespace MLNet.Gpt.Tests.Transforms;

[Collection(TorchCollection.Name)]
public class GptTrainerTests
{
    // A language in which each word has one follower, so that there is something to learn.
    private static readonly string[] Texts = [.. Enumerable.Range(0, 12).Select(i => string.Join(' ', Enumerable.Range(0, 40).Select(t => $"w{(i + (7 * t)) % 60}")))];

    private static readonly GptTrainerOptions Options = new()
    {
        Config = GptPresets.Tiny,
        Tokenizer = TinyModels.Words,
        Training = new() { Epochs = 12, BatchSize = 4, LearningRate = 5e-3 },
    };

    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void Fit_learns_and_its_transformer_measures_and_predicts()
    {
        var data = Rows.ToView(_ml, Texts);
        var trainer = _ml.LanguageModeling.Trainers.Gpt(Options);

        var transformer = trainer.Fit(data);

        var metrics = _ml.LanguageModeling.Evaluate(transformer.Transform(data));
        Assert.InRange(metrics.CrossEntropy, 0, 0.5 * metrics.UniformCrossEntropy);
        Assert.True(trainer.History!.Last.ValidationLoss < trainer.History.First.ValidationLoss);
        using var engine = _ml.Model.CreatePredictionEngine<Rows.Input, Rows.Output>(transformer);
        Assert.Equal("w21", engine.Predict(new() { Text = "w0 w7 w14" }).PredictedToken);
    }

    [Fact]
    public void It_stands_in_a_chain()
    {
        var data = Rows.ToView(_ml, Texts);
        var options = Options with { Training = Options.Training with { MaxSteps = 2 }, Transformer = new() { InputColumnName = "Copy" } };

        var model = _ml.Transforms.CopyColumns("Copy", "Text").Append(_ml.LanguageModeling.Trainers.Gpt(options)).Fit(data);

        Assert.Equal(Texts.Length, Rows.Read(_ml, model.Transform(data)).Length);
    }

    [Fact]
    public void The_same_options_give_the_same_model()
    {
        var data = Rows.ToView(_ml, Texts);
        var options = Options with { Training = Options.Training with { MaxSteps = 5 } };

        var models = Enumerable.Range(0, 2).Select(_ => new MLContext().LanguageModeling.Trainers.Gpt(options).Fit(data)).ToArray();

        Assert.Equivalent(Rows.Read(_ml, models[0].Transform(data)), Rows.Read(_ml, models[1].Transform(data)));
    }

    [Fact]
    public void A_validation_set_of_its_own_is_measured_not_learned()
    {
        var trainer = _ml.LanguageModeling.Trainers.Gpt(Options with { Training = Options.Training with { EvaluationBatches = null } });

        var transformer = trainer.Fit(Rows.ToView(_ml, Texts[..8]), Rows.ToView(_ml, Texts[8]));

        var metrics = _ml.LanguageModeling.Evaluate(transformer.Transform(Rows.ToView(_ml, Texts[8])));
        Assert.Equal(metrics.CrossEntropy, trainer.History!.Last.ValidationLoss!.Value, 1e-4);
    }

    [Fact]
    public void Evaluations_reach_the_log_and_every_step_the_progress()
    {
        var messages = new List<string>();
        _ml.Log += (_, message) => messages.Add(message.Message);
        var steps = new List<int>();
        var options = Options with { Training = Options.Training with { MaxSteps = 6, EvaluationInterval = 3 }, Progress = new Reporter(progress => steps.Add(progress.Step)) };

        _ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(_ml, Texts));

        Assert.Equal(Enumerable.Range(0, 7), steps);
        Assert.Equal(3, messages.Count(message => message.Contains("validation loss", StringComparison.Ordinal)));
    }

    [Fact]
    public void It_can_be_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        var options = Options with { CancellationToken = cancellation.Token, Progress = new Reporter(progress => { if (progress.Step == 2) cancellation.Cancel(); }) };

        Assert.Throws<OperationCanceledException>(() => _ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(_ml, Texts)));
    }

    [Fact]
    public void Its_schema_is_that_of_its_transformer()
    {
        var data = Rows.ToView(_ml, Texts);
        var trainer = _ml.LanguageModeling.Trainers.Gpt(Options with { Training = Options.Training with { MaxSteps = 1 } });

        var foretold = trainer.GetOutputSchema(SchemaShapes.Of(data.Schema)).Select(SchemaShapes.Describe);

        Assert.Equal(SchemaShapes.Of(trainer.Fit(data).GetOutputSchema(data.Schema)).Select(SchemaShapes.Describe).Order(), foretold.Order());
    }

    [Fact]
    public void Bad_input_is_named()
    {
        Assert.Contains("'Body'", Refused<ArgumentOutOfRangeException>(Options with { Transformer = new() { InputColumnName = "Body" } }, Texts), StringComparison.Ordinal);
        Assert.Contains("'Text' have 1 tokens", Refused<ArgumentException>(Options, ["w1", ""]), StringComparison.Ordinal);
        Assert.Contains("61", Refused<ArgumentException>(Options with { Config = GptPresets.Gpt2Small }, Texts), StringComparison.Ordinal);
        Assert.Contains("w99", Refused<ArgumentException>(Options, ["w1 w99"]), StringComparison.Ordinal);
    }

    private string Refused<T>(GptTrainerOptions options, string[] texts)
        where T : Exception => Assert.Throws<T>(() => _ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(_ml, texts))).Message;

    private sealed class Reporter(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
