namespace MLNet.Gpt;

/// <summary>
/// The way a learning rate falls from its full size to <see cref="TrainingOptions.FinalLearningRate"/>, or that it does
/// not.
/// </summary>
public enum LearningRateDecay
{
    /// <summary>Along half a cosine: slowly, fast, slowly.</summary>
    Cosine,

    /// <summary>Along a line.</summary>
    Linear,

    /// <summary>It stays as it is.</summary>
    None,
}
