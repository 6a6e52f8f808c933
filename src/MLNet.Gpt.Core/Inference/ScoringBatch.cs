namespace MLNet.Gpt.Inference;

/// <summary>Packed sequences to be scored, and where their scores go. Arguments were checked.</summary>
internal readonly ref struct ScoringBatch
{
    /// <summary>The input ids of all sequences, one after the other, (N).</summary>
    public required ReadOnlySpan<int> Inputs { get; init; }

    /// <summary>
    /// For each input the id that follows it, (N); an input with a negative one is context alone and is not scored,
    /// which saves the head's work on it.
    /// </summary>
    public required ReadOnlySpan<int> Targets { get; init; }

    /// <summary>The length of each sequence.</summary>
    public required ReadOnlySpan<int> Lengths { get; init; }

    /// <summary>Receives one score an input, (N); what it receives where nothing is scored means nothing.</summary>
    public required Span<TokenScore> Scores { get; init; }

    /// <summary>Receives what else is wanted of each prediction, (N); <see langword="null"/> where nothing is.</summary>
    public PredictionDetails? Details { get; init; }

    /// <summary>Who wants to see what stands after the sequences' last tokens; <see langword="null"/> for nobody.</summary>
    public SequenceEnds? Ends { get; init; }
}
