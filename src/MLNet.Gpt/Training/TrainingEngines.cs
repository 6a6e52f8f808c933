using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Model;

namespace MLNet.Gpt.Training;

/// <summary>The one place where a mode becomes an engine.</summary>
internal static class TrainingEngines
{
    /// <summary>An engine that trains a copy of weights.</summary>
    public static ITrainingEngine Create(IWeightSource weights, TrainingOptions options) => options.Mode switch
    {
        TrainingMode.Fast or TrainingMode.TorchSharp or TrainingMode.PyTorchCompatible => new TorchEngine(GptModule.FromWeights(weights), options, ownsModule: true),
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.Mode, $"There is no engine for the mode {options.Mode}."),
    };

    /// <summary>An engine that trains a network in place.</summary>
    public static ITrainingEngine Create(GptModule module, TrainingOptions options) => new TorchEngine(module, options);

    /// <summary>The order of batches that a mode has.</summary>
    public static IBatchOrder CreateOrder(TrainingData data, TrainingOptions options) =>
        options.Mode == TrainingMode.PyTorchCompatible ? new PyTorchOrder(data, options) : new SeededOrder(data, options);
}
