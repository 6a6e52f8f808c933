namespace MLNet.Gpt.Training.Engines;

/// <summary>A copy of what a network has learned: its weights, or its adapter if only that is trained.</summary>
/// <param name="Weights">All weights.</param>
/// <param name="Adapter">The adapter.</param>
internal sealed record TrainedCopy(GptWeights? Weights, LoraAdapter? Adapter)
{
    public static TrainedCopy Of(ITrainableNetwork network) => network.CopyAdapter() is { } adapter
        ? new(null, adapter)
        : new(GptWeights.CopyOf(network.Weights), null);
}
