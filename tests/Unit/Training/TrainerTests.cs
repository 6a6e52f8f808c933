using MLNet.Gpt.Data;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.Training;

[Collection(TorchCollection.Name)]
public class TrainerTests
{
    private static readonly GptConfig Config = GptPresets.Tiny;

    [Fact]
    public void One_batch_can_be_overfitted()
    {
        using var module = GptModule.Create(Config, seed: 1);
        var data = new TrainingData(new TokenWindows(Tokens(33), Config.ContextLength), null); // 2 windows: one batch
        var history = module.Train(
            data,
            new() { Epochs = 150, BatchSize = 2, LearningRate = 3e-3, Decay = LearningRateDecay.None, WeightDecay = 0 },
            cancellationToken: Token);

        Assert.InRange(history.First.TrainingLoss, 3.9, 4.4); // ln 61 = 4.11
        Assert.InRange(history.Last.TrainingLoss, 0, 0.05);
    }

    [Fact]
    public void The_same_seed_gives_the_same_losses_bit_for_bit_and_another_seed_others()
    {
        Assert.Equal(Losses(seed: 1), Losses(seed: 1));
        Assert.NotEqual(Losses(seed: 1), Losses(seed: 2));

        static List<double> Losses(long seed)
        {
            using var module = GptModule.Create(Config with { DropoutRate = 0.1 }, seed: 5);
            var reports = new ProgressList();
            module.Train(Data(), new() { Epochs = 3, BatchSize = 2, Seed = seed }, reports, Token);
            return [.. reports.All.Skip(1).Select(report => report.BatchLoss)];
        }
    }

    [Fact]
    public void Steps_equal_those_of_a_plain_loop_over_the_same_batches()
    {
        using GptModule module = GptModule.Create(Config, seed: 5), plain = GptModule.Create(Config, seed: 5);
        var options = new TrainingOptions
        {
            Epochs = 2, BatchSize = 3, GradientClipping = null, LearningRate = 1e-3, Decay = LearningRateDecay.None,
            WarmUpSteps = 0,
        };
        var reports = new ProgressList();
        module.Train(Data(), options, reports, Token);

        using var scope = torch.NewDisposeScope();
        using var optimizer = torch.optim.AdamW(plain.parameters(), lr: 1e-3, weight_decay: 0.1);
        var batches = new TokenBatches(Data().Training, batchSize: 3);
        var losses = new List<double>();
        foreach (var batch in batches.Shuffled(options.Seed, 0).Concat(batches.Shuffled(options.Seed, 1)))
        {
            optimizer.zero_grad();
            var logits = plain.call(torch.tensor(batch.Inputs.Select(id => (long)id).ToArray(), [batch.BatchSize, batch.Length]));
            var targets = torch.tensor(batch.Targets.Select(id => (long)id).ToArray());
            var loss = torch.nn.functional.cross_entropy(logits.view(-1, Config.VocabularySize), targets);
            loss.backward();
            optimizer.step();
            losses.Add(loss.item<float>());
        }

        Assert.Equal(losses.Count, reports.All.Count - 1);
        foreach (var (expected, report) in losses.Zip(reports.All.Skip(1))) Assert.Equal(expected, report.BatchLoss, 2e-5);
    }

    [Fact]
    public void History_and_progress_state_steps_epochs_and_tokens()
    {
        using var module = GptModule.Create(Config, seed: 1);
        var reports = new ProgressList();
        var data = Data(); // 162 training tokens: 10 complete windows of 16 and one of 1
        var options =
            new TrainingOptions { Epochs = 2, BatchSize = 4, EvaluationInterval = 3, LearningRate = 1e-3, Decay = LearningRateDecay.None };
        var history = module.Train(data, options, reports, Token);

        // Batches of 4, 4, 2 and 1 windows per epoch.
        Assert.Equal([0, 3, 6, 8], history.Points.Select(point => point.Step));
        Assert.Equal([1, 1, 2, 2], history.Points.Select(point => point.Epoch));
        Assert.Equal(322, history.Last.TokensSeen);
        Assert.All(history.Points, point => Assert.InRange(point.ValidationLoss!.Value, 1, 6));
        Assert.Equal(Enumerable.Range(0, 9), reports.All.Select(report => report.Step));
        Assert.All(reports.All, report => Assert.Equal(8, report.TotalSteps));
        Assert.Equal([0L, 161, 322], reports.All.Where(report => report.Step % 4 == 0).Select(report => report.TokensSeen));
        Assert.Equal(history.Points, reports.All.Select(report => report.Evaluation).OfType<TrainingPoint>());
        Assert.All(
            reports.All.Skip(1),
            report => Assert.True(report.GradientNorm > 0 && report.TokensPerSecond > 0 && report.LearningRate == 1e-3));
        Assert.Equal(TimeSpan.Zero, reports.All[^1].TimeLeft);
    }

    [Fact]
    public void Training_ends_after_the_maximum_number_of_steps()
    {
        using var module = GptModule.Create(Config, seed: 1);
        Assert.Equal(3, module.Train(Data(), new() { BatchSize = 2, MaxSteps = 3 }, cancellationToken: Token).Last.Step);
    }

    [Fact]
    public void Evaluated_losses_are_those_of_the_evaluator_and_the_mode_is_restored()
    {
        using var module = GptModule.Create(Config with { DropoutRate = 0.5 }, seed: 1);
        module.eval();
        var data = Data();
        var history = module.Train(data, new() { BatchSize = 2, EvaluationBatches = null, MaxSteps = 5 }, cancellationToken: Token);
        Assert.False(module.training);
        Assert.Equal(ModuleEvaluator.Measure(module, new TokenBatches(data.Training, 7)).CrossEntropy, history.Last.TrainingLoss, 1e-6);
        Assert.Equal(
            ModuleEvaluator.Measure(module, new TokenBatches(data.Validation!, 1)).CrossEntropy, history.Last.ValidationLoss!.Value, 1e-6);
    }

    [Fact]
    public void Cancellation_ends_training_and_leaves_no_live_tensors()
    {
        using var module = GptModule.Create(Config, seed: 1);
        Train(cancelAt: 2);
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 5; i++) Train(cancelAt: 4);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Train(int cancelAt)
        {
            using var source = new CancellationTokenSource();
            var reports = new ProgressList(report =>
            {
                if (report.Step == cancelAt) source.Cancel();
            });
            Assert.Throws<OperationCanceledException>(() => module.Train(Data(), new() { BatchSize = 2 }, reports, source.Token));
            Assert.Equal(cancelAt, reports.All[^1].Step);
        }
    }

    [Fact]
    public void The_number_of_live_tensors_stays_constant_over_many_steps_and_runs()
    {
        using var module = GptModule.Create(Config with { DropoutRate = 0.1 }, seed: 1);
        var during = new List<long>();
        var reports = new ProgressList(report => during.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount));
        var options = new TrainingOptions { Engine = TorchSharpEngine.Default, MaxSteps = 100, Epochs = 100, BatchSize = 2 };
        module.Train(Data(), options, cancellationToken: Token);
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        module.Train(Data(), options, reports, Token);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.Single(during.Skip(2).Distinct()); // from the second step on, the optimizer's state exists
    }

    [Fact]
    public void A_NaN_loss_stops_training_before_the_weights_change()
    {
        using var module = GptModule.Create(Config, seed: 1);
        var error = Assert.Throws<TrainingDivergedException>(
            () => module.Train(
                Data(),
                new()
                {
                    LearningRate = 1e30, WarmUpSteps = 0, Decay = LearningRateDecay.None, GradientClipping = null,
                    BatchSize = 2, Epochs = 20, EvaluationInterval = 1000,
                },
                cancellationToken: Token));
        Assert.False(double.IsFinite(error.Loss) && double.IsFinite(error.GradientNorm));
        Assert.Contains(error.Step.ToString(null, null), error.Message, StringComparison.Ordinal);
        Assert.Contains("1E+30", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Gradients_are_scaled_down_to_the_clipping_norm()
    {
        // AdamW's first step hardly depends on the gradients' length; the second and third do through the squared mean.
        Assert.NotEqual(LastLoss(clipping: null), LastLoss(clipping: 0.01));

        static double LastLoss(double? clipping)
        {
            using var module = GptModule.Create(Config, seed: 1);
            return module.Train(
                Data(), new() { MaxSteps = 10, BatchSize = 2, GradientClipping = clipping }, cancellationToken: Token).Last.TrainingLoss;
        }
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    internal static int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(i => ((i * i * 7) + (3 * i)) % 61)];

    private static TrainingData Data() =>
        TrainingData.FromTokens(Tokens(180), Config.ContextLength, Config.VocabularySize, new() { ValidationFraction = 0.1 });
}
