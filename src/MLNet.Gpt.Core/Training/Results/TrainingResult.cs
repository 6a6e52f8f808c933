namespace MLNet.Gpt;

/// <summary>The result of training: the weights and the measured losses.</summary>
public sealed class TrainingResult
{
    private readonly Lazy<GptWeights> _weights;

    internal TrainingResult(Func<GptWeights> weights, TrainingHistory history) => (_weights, History) = (new(weights), history);

    /// <summary>
    /// The weights of the last step, or those with the lowest validation loss if the options request them. If an adapter was trained,
    /// it is merged into a copy of the initial weights when this is first read; that needs the memory of a whole model, and the
    /// initial weights must still be there.
    /// </summary>
    public GptWeights Weights => _weights.Value;

    /// <summary>
    /// The trained adapter; <see langword="null"/> unless <see cref="TrainingOptions.Lora"/> was set.
    /// </summary>
    public LoraAdapter? Adapter { get; internal init; }

    /// <summary>What was measured during training.</summary>
    public TrainingHistory History { get; }

    /// <summary>Returns the history's summary.</summary>
    public override string ToString() => History.ToString();
}
