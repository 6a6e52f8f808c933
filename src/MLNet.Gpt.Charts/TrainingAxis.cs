namespace MLNet.Gpt.Charts;

/// <summary>What a training's losses are drawn against.</summary>
public enum TrainingAxis
{
    /// <summary>Tokens learned from, those of earlier epochs among them.</summary>
    TokensSeen,

    /// <summary>Steps of the optimizer.</summary>
    Steps,

    /// <summary>Rounds through the training data, with fractions.</summary>
    Epochs,
}
