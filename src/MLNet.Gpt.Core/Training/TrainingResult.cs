
namespace MLNet.Gpt;

/// <summary>What a training ends with.</summary>
/// <param name="Weights">The weights of the last step; those of the lowest validation loss where the options ask for them.</param>
/// <param name="History">What was measured on the way.</param>
public sealed record TrainingResult(GptWeights Weights, TrainingHistory History);
