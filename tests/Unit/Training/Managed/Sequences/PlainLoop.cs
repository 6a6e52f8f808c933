using MLNet.Gpt.Data;
using TorchSharp;

namespace MLNet.Gpt.Tests.Training.Managed.Sequences;

/// <summary>50 steps of training, by the library and by a plain loop with TorchSharp's AdamW in double precision.</summary>
internal static class PlainLoop
{
    public const int Steps = 50;

    /// <summary>A constant learning rate, and nothing besides AdamW.</summary>
    public static TrainingOptions Options { get; } = new()
    {
        Epochs = 10, MaxSteps = Steps, BatchSize = 8, LearningRate = 1e-3, Decay = LearningRateDecay.None, WarmUpSteps = 0,
        GradientClipping = null, WeightDecay = 0.1, EvaluationInterval = 1000, Seed = 7,
    };

    /// <summary>Asserts that the library's losses are those of the loop, and that they fall.</summary>
    /// <param name="weights">What the library trains.</param>
    /// <param name="data">Of which both draw the same batches.</param>
    /// <param name="options">Those of <see cref="Options"/>, and perhaps an adapter or another learning rate.</param>
    /// <param name="network">The same, of which the loop trains what needs gradients.</param>
    public static void AssertSameLosses(IWeightSource weights, TrainingData data, TrainingOptions options, TorchNetwork network)
    {
        var progress = new ProgressList();
        weights.Train(data, options, progress, TestContext.Current.CancellationToken);
        double[] losses = [.. progress.All.Skip(1).Select(report => report.BatchLoss)];
        Assert.Equal(Steps, losses.Length);

        var trained = network.Parameters.Values.Where(parameter => parameter.requires_grad);
        using var optimizer = torch.optim.AdamW(trained, lr: options.LearningRate, weight_decay: options.WeightDecay);
        double[] expected = new double[Steps];
        var batches = new TokenBatches(data.TrainingExamples, options.BatchSize);
        for (int step = 0; step < Steps; step++)
        {
            using var scope = torch.NewDisposeScope();
            var batch = batches.Shuffled(options.Seed, step / batches.Count, step % batches.Count).First();
            optimizer.zero_grad();
            var loss = network.Loss(batch);
            loss.backward();
            optimizer.step();
            expected[step] = loss.item<double>();
        }

        for (int step = 0; step < Steps; step++) Assert.Equal(expected[step], losses[step], 1e-4 * Math.Max(1, expected[step]));
        Assert.True(losses[^1] < losses[0]);
    }
}
