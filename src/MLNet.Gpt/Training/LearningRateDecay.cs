namespace MLNet.Gpt.Training;

/// <summary>The way a learning rate falls from its full size to <see cref="TrainingOptions.FinalLearningRate"/>.</summary>
public enum LearningRateDecay
{
    /// <summary>Along half a cosine: slowly, fast, slowly.</summary>
    Cosine,

    /// <summary>Along a line.</summary>
    Linear,
}
