namespace MLNet.Gpt;

/// <summary>
/// How the learning rate falls from its peak to <see cref="TrainingOptions.FinalLearningRate"/>.
/// </summary>
public enum LearningRateDecay
{
    /// <summary>Along half a cosine: slowly at both ends.</summary>
    Cosine,

    /// <summary>Linearly.</summary>
    Linear,

    /// <summary>It stays constant.</summary>
    None,
}
