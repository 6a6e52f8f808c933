using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Inference;

/// <summary>Packed sequences to score, and memory for their scores. The arguments have been checked.</summary>
internal readonly ref struct ScoringBatch
{
    /// <summary>The input ids of all sequences, one after the other, (N).</summary>
    public required ReadOnlySpan<int> Inputs { get; init; }

    /// <summary>
    /// For each input the id that follows it, (N); an input with a negative id is only context and is not scored, which
    /// saves the output head's work on it.
    /// </summary>
    public required ReadOnlySpan<int> Targets { get; init; }

    /// <summary>The length of each sequence.</summary>
    public required ReadOnlySpan<int> Lengths { get; init; }

    /// <summary>Receives one score for each target that is scored, in order.</summary>
    public required Span<TokenScore> Scores { get; init; }

    /// <summary>Receives what else is requested for each prediction; <see langword="null"/> if nothing is.</summary>
    public PredictionDetails? Details { get; init; }

    /// <summary>A second model to compare the predictions with; <see langword="null"/> if there is none.</summary>
    public PairScores? Pair { get; init; }

    /// <summary>The index in <see cref="Details"/> and <see cref="Pair"/> of the first target that is scored.</summary>
    public int FirstDetail { get; init; }

    /// <summary>
    /// Receives the state after the last token of the sequences; <see langword="null"/> if it is not needed.
    /// </summary>
    public SequenceEnds? Ends { get; init; }

    /// <summary>Copies inputs and lengths, which other threads may change, and checks the copies.</summary>
    /// <exception cref="ArgumentException">
    /// The lengths do not match the inputs, or a sequence is longer than the context.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    public ScoringBatch Copy(GptConfig config)
    {
        int[] inputs = TokenIds.Copy(Inputs, config.VocabularySize, nameof(inputs)), lengths = Lengths.ToArray();
        long sum = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            if (lengths[i] < 0 || lengths[i] > config.ContextLength)
            {
                throw new ArgumentException(
                    $"Sequence {i} has a length of {lengths[i]}; it must be from 0 to the context length, {config.ContextLength}.",
                    nameof(lengths));
            }

            sum += lengths[i];
        }

        if (sum != inputs.Length)
        {
            throw new ArgumentException($"The lengths add up to {sum}, but the number of inputs is {inputs.Length}.", nameof(lengths));
        }

        return this with { Inputs = inputs, Lengths = lengths };
    }
}
