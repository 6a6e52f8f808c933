using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Model;
using MLNet.Gpt.Training.Managed;

namespace MLNet.Gpt.Training;

/// <summary>The one place where a mode becomes an engine.</summary>
internal static class TrainingEngines
{
    /// <summary>An engine that trains a copy of weights.</summary>
    public static ITrainingEngine Create(IWeightSource weights, TrainingOptions options) => options.Mode switch
    {
        TrainingMode.Fast => new ManagedEngine(weights, ManagedOptions(weights.Config, options)),
        TrainingMode.TorchSharp or TrainingMode.PyTorchCompatible => new TorchEngine(GptModule.FromWeights(weights), options, ownsModule: true),
        _ => throw Check.Undefined(options.Mode, nameof(options)),
    };

    /// <summary>An engine that trains a network: in place where libtorch computes, otherwise a copy of its weights.</summary>
    public static ITrainingEngine Create(GptModule module, TrainingOptions options) =>
        options.Mode == TrainingMode.Fast ? Create(module.ToWeights(), options) : new TorchEngine(module, options);

    /// <summary>The order of batches that a mode has.</summary>
    public static IBatchOrder CreateOrder(TrainingData data, TrainingOptions options) =>
        options.Mode == TrainingMode.PyTorchCompatible ? new PyTorchOrder(data, options) : new SeededOrder(data, options);

    private static ManagedEngineOptions ManagedOptions(GptConfig config, TrainingOptions options)
    {
        var trained = TrainedWeight.For(config, options).Select(weight => weight.Entry.Name).ToHashSet();
        return new()
        {
            Beta1 = options.Beta1,
            Beta2 = options.Beta2,
            Epsilon = options.Epsilon,
            WeightDecay = options.WeightDecay,
            DecaysMatricesOnly = options.DecaysMatricesOnly,
            IsFrozen = name => !trained.Contains(name),
            LabelSmoothing = options.LabelSmoothing,
            Seed = options.Seed,
        };
    }
}
