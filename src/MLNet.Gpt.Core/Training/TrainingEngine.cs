using MLNet.Gpt.Training;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt;

/// <summary>
/// The numerics of training: how gradients and steps are computed, and in which order batches are drawn.
/// <see cref="Managed"/> is this library's own; the package MLNet.Gpt.TorchSharp has two that run on libtorch.
/// </summary>
/// <remarks>Repeating a run with the same engine on the same machine gives the same weights, bit for bit.</remarks>
public abstract class TrainingEngine
{
    internal TrainingEngine(string name) => Name = name;

    /// <summary>This library's own engine: the fastest, and it needs no native library.</summary>
    public static TrainingEngine Managed { get; } = new ManagedTrainingEngine();

    /// <summary>The engine's name in checkpoints and messages.</summary>
    public string Name { get; }

    /// <summary>Returns the engine's name.</summary>
    public override string ToString() => Name;

    /// <summary>Whether windows that are shorter than the context are trained on, too.</summary>
    internal virtual bool KeepsIncompleteWindows => true;

    /// <summary>Whether it can train adapters instead of the weights.</summary>
    internal virtual bool TrainsAdapters => false;

    /// <summary>Copies weights into a network that can be trained.</summary>
    internal abstract ITrainableNetwork CreateNetwork(IWeightSource weights, TrainingOptions options);

    /// <summary>Decides which batches a step learns from and an evaluation measures.</summary>
    internal virtual IBatchOrder CreateOrder(TrainingData data, TrainingOptions options) => new SeededOrder(data, options);

    /// <summary>Whether the losses are measured after a step.</summary>
    /// <param name="step">Steps done; at least 1.</param>
    /// <param name="interval">Steps between two evaluations.</param>
    internal virtual bool IsEvaluationDue(int step, int interval) => step % interval == 0;

    private sealed class ManagedTrainingEngine() : TrainingEngine("Managed")
    {
        internal override bool TrainsAdapters => true;

        internal override ITrainableNetwork CreateNetwork(IWeightSource weights, TrainingOptions options)
        {
            var trained = TrainedWeight.For(options.ConfigOf(weights.Config), options).Select(weight => weight.Entry.Name).ToHashSet();
            return new ManagedEngine(weights, new()
            {
                Beta1 = options.Beta1,
                Beta2 = options.Beta2,
                Epsilon = options.Epsilon,
                WeightDecay = options.WeightDecay,
                DecaysMatricesOnly = options.DecayMatricesOnly,
                IsFrozen = name => !trained.Contains(name),
                ScoreCount = options.ScoreCount,
                Lora = options.Lora,
                InitialAdapter = options.InitialAdapter,
                LabelSmoothing = options.LabelSmoothing,
                Seed = options.Seed,
                ThreadCount = options.ThreadCount,
            });
        }
    }
}
