using MLNet.Gpt.Data;
using MLNet.Gpt.Runtime;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace MLNet.Gpt.Training;

/// <summary>
/// Trains a network to predict the next token, with AdamW. It knows nothing of GPT: any module from token ids (B, T) to logits (B, T, V) will do.
/// </summary>
/// <remarks>
/// The same weights, data, options and machine give the same losses bit for bit. libtorch's global generator, which dropout draws from, is
/// seeded when training begins: two trainings with dropout at the same time in one process would draw from each other's numbers.
/// </remarks>
public sealed class Trainer
{
    private const int EvaluationsByDefault = 20;

    private readonly Module<torch.Tensor, torch.Tensor> _module;
    private readonly TrainingOptions _options;

    /// <summary>A trainer of one network.</summary>
    /// <param name="module">Token ids (B, T) of type int64 -> logits (B, T, V). It is trained in place, and stays the caller's.</param>
    /// <param name="options">How to train; the defaults where <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public Trainer(Module<torch.Tensor, torch.Tensor> module, TrainingOptions? options = null) =>
        (_module, _options) = (module, (options ?? new()).Validated());

    /// <summary>Trains. However it ends, the network has the weights of the last step done, and the mode that it had before.</summary>
    /// <param name="data">What to learn from and what to measure on.</param>
    /// <param name="progress">Told before the first step and after every step, on the calling thread's progress context.</param>
    /// <param name="cancellationToken">Checked before every step and every batch of an evaluation.</param>
    /// <returns>The losses that were measured on the way.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="TrainingDivergedException">The loss, or the gradients' norm, became NaN or infinite.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The network's logits are NaN where it is evaluated.</exception>
    /// <exception cref="ArgumentException">The data fill no batch, and the last batch is dropped.</exception>
    public TrainingHistory Train(TrainingData data, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var batches = new TokenBatches(data.Training, _options.BatchSize, _options.DropsLastBatch);
        int totalSteps = (int)Math.Min((long)_options.Epochs * batches.Count, _options.MaxSteps ?? int.MaxValue);
        int interval = _options.EvaluationInterval ?? Math.Max(1, totalSteps / EvaluationsByDefault);
        var run = new TrainingRun(() => Evaluate(data, cancellationToken), interval, totalSteps, batches.Count, progress);
        var schedule = new LearningRateSchedule(_options, totalSteps);

        RandomSeed.Set(_options.Seed);
        bool wasTraining = _module.training;
        using var heap = new RetainedHeap();
        using var scope = torch.NewDisposeScope();
        using var optimizer = torch.optim.AdamW(
            _module.parameters(), _options.LearningRate, _options.Beta1, _options.Beta2, _options.Epsilon, _options.WeightDecay);
        try
        {
            _module.train();
            run.Begin();
            foreach (var batch in Rounds(batches).Take(totalSteps))
            {
                cancellationToken.ThrowIfCancellationRequested();
                double learningRate = schedule.At(run.Step + 1);
                var (loss, gradientNorm) = Step(optimizer, batch, run.Step + 1, learningRate);
                run.Advance(batch, loss, gradientNorm, learningRate);
            }

            return run.End();
        }
        finally
        {
            optimizer.zero_grad();
            _module.train(wasTraining);
        }
    }

    private (double Training, double? Validation) Evaluate(TrainingData data, CancellationToken cancellationToken)
    {
        double Loss(TokenWindows windows) => ModuleEvaluator.Measure(
            _module, new TokenBatches(windows, _options.BatchSize), _options.EvaluationBatches, cancellationToken).CrossEntropy;

        return (Loss(data.Training), data.Validation is { } validation ? Loss(validation) : null);
    }

    private IEnumerable<TokenBatch> Rounds(TokenBatches batches)
    {
        for (int epoch = 0; epoch < _options.Epochs; epoch++)
        {
            foreach (var batch in batches.Shuffled(_options.Seed, epoch)) yield return batch;
        }
    }

    private (double Loss, double GradientNorm) Step(AdamW optimizer, TokenBatch batch, int step, double learningRate)
    {
        using var scope = torch.NewDisposeScope();
        torch.Tensor inputs = BatchTensors.Inputs(batch), targets = BatchTensors.Targets(batch); // (B, T), (B T)

        var logits = _module.call(inputs); // (B, T) -> (B, T, V)
        var loss = functional.cross_entropy(logits.flatten(0, 1), targets); // (B T, V), (B T) -> ()
        double value = loss.item<float>();

        optimizer.zero_grad();
        loss.backward();
        double norm = utils.clip_grad_norm_(_module.parameters(), _options.GradientClipping ?? double.PositiveInfinity);
        if (!double.IsFinite(value) || !double.IsFinite(norm)) throw new TrainingDivergedException(step, value, norm, learningRate);

        foreach (var group in optimizer.ParamGroups) group.LearningRate = learningRate;
        optimizer.step();
        return (value, norm);
    }
}
