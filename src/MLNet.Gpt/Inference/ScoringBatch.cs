namespace MLNet.Gpt.Inference;

/// <summary>Packed sequences to be scored, and where their scores go. Arguments were checked.</summary>
internal readonly ref struct ScoringBatch
{
    /// <summary>The input ids of all sequences, one after the other.</summary>
    public required ReadOnlySpan<int> Inputs { get; init; }

    /// <summary>The length of each sequence.</summary>
    public required ReadOnlySpan<int> Lengths { get; init; }

    /// <summary>For each sequence the number of its first inputs that are context alone, whose next token is not scored; empty where all are scored.</summary>
    public ReadOnlySpan<int> ContextCounts { get; init; }

    /// <summary>For each scored input the id that follows it.</summary>
    public required ReadOnlySpan<int> Targets { get; init; }

    /// <summary>Receives one score a target.</summary>
    public required Span<TokenScore> Scores { get; init; }

    /// <summary>Receives what else is wanted of each prediction.</summary>
    public PredictionDetails? Details { get; init; }
}
