namespace MLNet.Gpt;

/// <summary>The result of training: the weights and the measured losses.</summary>
public sealed class TrainingResult
{
    internal TrainingResult(GptWeights weights, TrainingHistory history) => (Weights, History) = (weights, history);

    /// <summary>
    /// The weights of the last step, or those with the lowest validation loss if the options request them.
    /// </summary>
    public GptWeights Weights { get; }

    /// <summary>
    /// The trained adapter; <see langword="null"/> unless <see cref="TrainingOptions.Lora"/> was set.
    /// </summary>
    public LoraAdapter? Adapter { get; internal init; }

    /// <summary>What was measured during training.</summary>
    public TrainingHistory History { get; }

    /// <summary>Returns the history's summary.</summary>
    public override string ToString() => History.ToString();
}
