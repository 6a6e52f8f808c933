using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.Training;
using TorchSharp;

namespace MLNet.Gpt.Tests.Training;

[Collection(TorchCollection.Name)]
public class LearningRateScheduleTests
{
    [Theory]
    [InlineData(10, 0)]
    [InlineData(200, 10)]
    [InlineData(100_000, 100)]
    public void By_default_it_rises_over_a_twentieth_of_the_steps_and_falls_to_a_tenth(int totalSteps, int warmUp)
    {
        var schedule = new LearningRateSchedule(new() { LearningRate = 1 }, totalSteps);
        Assert.Equal(warmUp == 0 ? 1 : 1.0 / warmUp, schedule.At(1), 1e-12);
        Assert.Equal(1, schedule.At(warmUp + 1));
        Assert.True(schedule.At(warmUp + 2) < 1);
        Assert.Equal(0.1, schedule.At(totalSteps), 1e-12);
    }

    [Fact]
    public void The_learning_rate_rises_and_then_falls_along_a_cosine()
    {
        var schedule = new LearningRateSchedule(new() { LearningRate = 1, FinalLearningRate = 0.2, WarmUpSteps = 4 }, totalSteps: 9);
        double[] expected =
            [0.25, 0.5, 0.75, 1, 1, 0.2 + (0.8 * (1 + Math.Sqrt(0.5)) / 2), 0.6, 0.2 + (0.8 * (1 - Math.Sqrt(0.5)) / 2), 0.2];
        foreach (var (rate, step) in expected.Zip(Enumerable.Range(1, 9))) Assert.Equal(rate, schedule.At(step), 1e-12);
    }

    [Fact]
    public void Without_warm_up_and_decay_the_learning_rate_is_constant() =>
        Assert.All(
            Enumerable.Range(1, 5),
            step =>
                Assert.Equal(
                    4e-4,
                    new LearningRateSchedule(
                        new() { LearningRate = 4e-4, WarmUpSteps = 0, Decay = LearningRateDecay.None }, totalSteps: 5).At(step)));

    [Fact]
    public void The_cosine_is_that_of_libtorchs_scheduler() => AssertRates(
        new() { LearningRate = 3e-3, FinalLearningRate = 1e-4, WarmUpSteps = 0 }, optimizer =>
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max: 19, eta_min: 1e-4));

    [Fact]
    public void The_line_is_that_of_libtorchs_scheduler() => AssertRates(
        new() { LearningRate = 3e-3, FinalLearningRate = 3e-4, WarmUpSteps = 0, Decay = LearningRateDecay.Linear },
        optimizer => torch.optim.lr_scheduler.LinearLR(optimizer, start_factor: 1, end_factor: 0.1, total_iters: 19));

    [Fact]
    public void The_warm_up_is_that_of_libtorchs_scheduler() => AssertRates(
        new() { LearningRate = 3e-3, WarmUpSteps = 8, Decay = LearningRateDecay.None }, optimizer =>
            torch.optim.lr_scheduler.LinearLR(optimizer, start_factor: 1.0 / 8, end_factor: 1, total_iters: 7));

    private static void AssertRates(TrainingOptions options, Func<torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler> create)
    {
        using var scope = torch.NewDisposeScope();
        var parameter = torch.nn.Parameter(torch.zeros(1));
        using var optimizer = torch.optim.SGD([parameter], options.LearningRate);
        var scheduler = create(optimizer);
        var schedule = new LearningRateSchedule(options, totalSteps: 20);
        for (int step = 1; step <= 20; step++)
        {
            Assert.Equal(optimizer.ParamGroups.First().LearningRate, schedule.At(step), 1e-12);
            scheduler.step();
        }
    }
}
