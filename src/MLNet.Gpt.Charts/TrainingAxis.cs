namespace MLNet.Gpt.Charts;

/// <summary>The horizontal axis of a loss curve.</summary>
public enum TrainingAxis
{
    /// <summary>Tokens trained on, in all epochs together.</summary>
    TokensSeen,

    /// <summary>Steps of the optimizer.</summary>
    Steps,

    /// <summary>Epochs, with fractions.</summary>
    Epochs,
}
