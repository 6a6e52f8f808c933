namespace MLNet.Gpt.Training.Engines;

/// <summary>The settings of <see cref="ManagedEngine"/>. The caller has checked the values.</summary>
internal sealed record ManagedEngineOptions
{
    /// <summary>AdamW's β₁, the decay rate of the mean gradient.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>AdamW's β₂, the decay rate of the mean squared gradient.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>AdamW's ε, added to the root of the mean squared gradient.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>AdamW's weight decay.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Whether one-dimensional weights, biases and norms, are excluded from weight decay.</summary>
    public bool DecaysMatricesOnly { get; init; }

    /// <summary>Whether the weight with a name is frozen.</summary>
    public Func<string, bool> IsFrozen { get; init; } = static _ => false;

    /// <summary>
    /// Scores that a head computes from the last token of each sequence, as in <see cref="TrainingOptions.ScoreCount"/>; as the
    /// weights have if <see langword="null"/>.
    /// </summary>
    public int? ScoreCount { get; init; }

    /// <summary>The adapters that are trained; <see langword="null"/> for none.</summary>
    public LoraOptions? Lora { get; init; }

    /// <summary>The adapter that is trained further; <see langword="null"/> for a new one.</summary>
    public LoraAdapter? InitialAdapter { get; init; }

    /// <summary>Label smoothing α, from 0 to 1.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>The seed of dropout, and of a new head of scores.</summary>
    public long Seed { get; init; } = 123;

    /// <summary>
    /// Threads that work on an operation, including the calling one, at most four per processor; <see langword="null"/> for
    /// as many as the machine has processors.
    /// </summary>
    public int? ThreadCount { get; init; }
}
