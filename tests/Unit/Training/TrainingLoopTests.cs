using MLNet.Gpt.Training;

namespace MLNet.Gpt.Tests.Training;

/// <summary>Tests the loop with an engine that computes nothing.</summary>
public class TrainingLoopTests
{
    [Fact]
    public void Training_stops_when_its_patience_runs_out_and_ends_with_the_best_weights()
    {
        double[] losses = [9, 5, 4, 3, 3, 3.5, 2, 4, 4, 4, 1]; // at 0, 1, 2 … updates; an equal loss is not better
        var engine = new ScriptedEngine { Loss = updates => losses[updates] };
        var loop = Loop(engine, new() { Patience = 3, EvaluationInterval = 1, EvaluationBatches = 1 });
        var history = loop.Run();

        Assert.Equal(TrainingEnding.StoppedEarly, history.Ending);
        Assert.Equal(9, history.Last.Step);
        Assert.Equal(6, history.Best!.Step);
        Assert.Equal(Math.Exp(2), history.Best.ValidationPerplexity!.Value, 1e-12);
        Assert.Equal(6, loop.BestWeights![WeightNames.TokenEmbedding][0]);
    }

    [Fact]
    public void Without_patience_the_last_weights_are_the_result_and_the_best_ones_only_on_request()
    {
        double Loss(int updates) => Math.Abs(updates - 4);
        var last = Loop(new ScriptedEngine { Loss = Loss }, new() { MaxSteps = 10, EvaluationInterval = 2 });
        Assert.Equal(TrainingEnding.Completed, last.Run().Ending);
        Assert.Null(last.BestWeights);

        var best = Loop(new ScriptedEngine { Loss = Loss }, new() { MaxSteps = 10, EvaluationInterval = 2, KeepBest = true });
        Assert.Equal(10, best.Run().Last.Step);
        Assert.Equal(4, best.BestWeights![WeightNames.TokenEmbedding][0]);
    }

    [Fact]
    public void Patience_and_best_weights_without_validation_data_are_refused()
    {
        Assert.StartsWith("Patience needs validation data", Refused(new() { Patience = 1, KeepBest = true }), StringComparison.Ordinal);
        Assert.StartsWith(
            "KeepBest needs validation data, and there are none: set ValidationFraction, which is 0,",
            Refused(new() { KeepBest = true }),
            StringComparison.Ordinal);

        static string Refused(TrainingOptions options) =>
            Assert.Throws<ArgumentException>(
                () => new TrainingLoop(new ScriptedEngine(), Data(validation: 0), options, null, default)).Message;
    }

    [Fact]
    public void Batches_of_a_step_are_weighted_by_their_tokens_and_the_last_step_of_an_epoch_takes_the_rest()
    {
        var engine = new ScriptedEngine();
        var progress = new ProgressList();

        // 90 tokens: 5 complete windows of 16 and one of 9, in batches of 2, 2, 1 and 1 windows: steps of 3 batches and
        // of 1.
        var history = Loop(engine, new() { BatchSize = 2, BatchesPerStep = 3, Epochs = 2, EvaluationInterval = 100 }, progress).Run();
        Assert.Equal([0.4, 0.4, 0.2, 1, 0.4, 0.4, 0.2, 1], engine.Shares.Select(share => Math.Round(share, 12)));
        Assert.Equal(4, history.Last.Step);
        Assert.Equal(2, history.Last.EpochsDone);
        Assert.Equal([0L, 80, 89, 169, 178], progress.All.Select(report => report.TokensSeen));
        Assert.Equal([1, 1, 1, 2, 2], progress.All.Select(report => report.Epoch));
    }

    [Fact]
    public void Training_ends_when_its_time_is_up_with_an_evaluation()
    {
        var engine = new ScriptedEngine { OnUpdate = _ => Thread.Sleep(20) };
        var history = Loop(
            engine, new() { MaxDuration = TimeSpan.FromMilliseconds(200), Epochs = 1000, EvaluationInterval = 1_000_000 }).Run();
        Assert.Equal(TrainingEnding.TimeOver, history.Ending);
        Assert.InRange(history.Last.Step, 1, 10);
        Assert.Equal([0, engine.Updates], history.Points.Select(point => point.Step));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_NaN_loss_ends_training_by_default_before_the_weights_change(double wrong)
    {
        var engine = new ScriptedEngine { BatchLoss = step => step == 3 ? wrong : 1 };
        var error = Assert.Throws<TrainingDivergedException>(() => Loop(engine, new()).Run());
        Assert.Equal(3, error.Step);
        Assert.Equal(2, engine.Updates);
    }

    [Fact]
    public void Such_a_step_is_skipped_on_request()
    {
        var engine = new ScriptedEngine { BatchLoss = step => step is 3 or 5 ? double.NaN : 1 };
        var progress = new ProgressList();
        var history = Loop(engine, new() { OnDivergence = DivergencePolicy.SkipStep, MaxSteps = 8 }, progress).Run();
        Assert.Equal(TrainingEnding.Completed, history.Ending);
        Assert.Equal(2, history.SkippedSteps);
        Assert.Equal(6, engine.Updates);
        Assert.Equal([0, 0, 0, 1, 1, 2, 2, 2, 2], progress.All.Select(report => report.SkippedSteps));
    }

    [Fact]
    public void Steps_are_not_skipped_forever()
    {
        var engine = new ScriptedEngine { BatchLoss = step => step > 2 ? double.NaN : 1 };
        var error = Assert.Throws<TrainingDivergedException>(
            () => Loop(engine, new() { OnDivergence = DivergencePolicy.SkipStep, Epochs = 100 }).Run());
        Assert.Equal(2 + TrainingOptions.SkippedStepLimit + 1, error.Step);
    }

    [Fact]
    public void A_divergence_does_not_cost_what_was_trained()
    {
        var options = new TrainingOptions { LearningRate = 1e30, WarmUpSteps = 0, Decay = LearningRateDecay.None, GradientClipping = null };
        var weights = TinyModels.Weights(GptPresets.Tiny, seed: 1);
        int[] tokens = [.. Enumerable.Range(0, 1000).Select(i => i % 50)];
        var data = TrainingData.FromTokens(tokens, GptPresets.Tiny.ContextLength, GptPresets.Tiny.VocabularySize, options);

        var error = Assert.Throws<TrainingDivergedException>(
            () => weights.Train(data, options with { Epochs = 100 }, cancellationToken: TestContext.Current.CancellationToken));

        Assert.Equal(TrainingEnding.Diverged, error.Result!.History.Ending);
        Assert.All(error.Result.Weights["tok_emb.weight"].ToArray(), weight => Assert.True(float.IsFinite(weight)));
    }

    [Fact]
    public void Training_ends_normally_at_such_a_step_on_request()
    {
        var engine = new ScriptedEngine { BatchLoss = step => step == 3 ? double.NaN : 1 };
        var history = Loop(engine, new() { OnDivergence = DivergencePolicy.Stop }).Run();
        Assert.Equal(TrainingEnding.Diverged, history.Ending);
        Assert.Equal(2, engine.Updates);
        Assert.Equal(3, history.Last.Step);
    }

    [Fact]
    public void Each_step_has_the_learning_rate_of_the_schedule()
    {
        var engine = new ScriptedEngine();
        Loop(
            engine,
            new() { MaxSteps = 6, LearningRate = 1, WarmUpSteps = 2, FinalLearningRate = 0, Decay = LearningRateDecay.Linear }).Run();
        Assert.Equal(
            [0.5, 1, 1, 2.0 / 3, 1.0 / 3, 0], engine.LearningRates.Select(rate => Math.Round(rate, 12)), (a, b) => Math.Abs(a - b) < 1e-9);
    }

    // Batches of 2 and ten epochs, unless a test says otherwise.
    private static TrainingLoop Loop(ScriptedEngine engine, TrainingOptions options, IProgress<TrainingProgress>? progress = null)
    {
        var defaults = new TrainingOptions();
        options = options with
        {
            BatchSize = options.BatchSize == defaults.BatchSize ? 2 : options.BatchSize,
            Epochs = options.Epochs == defaults.Epochs ? 10 : options.Epochs,
        };
        return new(engine, Data(), options, progress, TestContext.Current.CancellationToken);
    }

    private static TrainingData Data(double validation = 0.1) => TrainingData.FromTokens(
        TrainerTests.Tokens(100), GptPresets.Tiny.ContextLength, GptPresets.Tiny.VocabularySize, new() { ValidationFraction = validation });
}
