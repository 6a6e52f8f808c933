using MLNet.Gpt.Training;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.TorchSharp;

/// <summary>Training by TorchSharp's automatic differentiation, on libtorch.</summary>
public sealed class TorchSharpEngine : TrainingEngine
{
    private readonly bool _isExact;

    private TorchSharpEngine(string name, bool isExact)
        : base(name) => _isExact = isExact;

    /// <summary>
    /// Automatic differentiation on libtorch's fused kernels. Repeating a run on the same machine gives the same bits.
    /// </summary>
    public static TorchSharpEngine Default { get; } = new("TorchSharp", isExact: false);

    /// <summary>
    /// Reproduces the numbers that the book's program prints in PyTorch on a CPU, digit for digit: its operations one
    /// by one, its use of libtorch's random stream (initial weights, then PyTorch's data loaders and dropout), its
    /// evaluations (means of batch means, with training batches redrawn each time) and their steps. The slowest engine.
    /// </summary>
    /// <remarks>
    /// The random stream continues from the state after a network with the same sizes was drawn from
    /// <see cref="TrainingOptions.Seed"/> with <see cref="WeightInitialization.PyTorch"/>. The evaluation before
    /// training measures all batches. Evaluations follow the first step and every
    /// <see cref="TrainingOptions.EvaluationInterval"/> steps after it: the book's step n is step n + 1 here, because
    /// it counts from 0. Windows that are shorter than the context are dropped, as in the book.
    /// </remarks>
    public static TorchSharpEngine PyTorchExact { get; } = new("PyTorchExact", isExact: true);

    internal override bool KeepsIncompleteWindows => !_isExact;

    internal override ITrainableNetwork CreateNetwork(IWeightSource weights, TrainingOptions options)
    {
        CheckTask(weights.Config, options);
        return new ModuleNetwork(GptModule.FromWeights(weights), options, ownsModule: true);
    }

    /// <summary>Wraps a network to train it in place.</summary>
    internal ITrainableNetwork Wrap(GptModule module, TrainingOptions options)
    {
        CheckTask(module.Config, options);
        return new ModuleNetwork(module, options);
    }

    private void CheckTask(GptConfig config, TrainingOptions options)
    {
        if ((options.ScoreCount ?? config.ScoreCount) is not { } count) return;
        throw new ArgumentException(
            $"{nameof(options.ScoreCount)} is {count}, but the engine {Name} predicts tokens only; {nameof(Managed)} computes scores.",
            nameof(options));
    }

    internal override IBatchOrder CreateOrder(TrainingData data, TrainingOptions options) =>
        _isExact ? new PyTorchOrder(data, options) : base.CreateOrder(data, options);

    // The book counts steps from 0 and evaluates at the first.
    internal override bool IsEvaluationDue(int step, int interval) => base.IsEvaluationDue(_isExact ? step - 1 : step, interval);
}
