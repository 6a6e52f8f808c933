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

    /// <summary>
    /// For each sequence the index of an earlier one that it continues, up to its end, or −1; <see langword="null"/> if none continues
    /// another. Several sequences that begin with the same tokens then share the work on them. All that continue a sequence, directly or
    /// not, follow it before the next one that continues none. A sequence that is continued is not empty.
    /// </summary>
    public int[]? Parents { get; init; }

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
    /// The lengths do not match the inputs, a sequence is longer than the context, or it does not continue an earlier one of its tree.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    public ScoringBatch Copy(GptConfig config)
    {
        int[] inputs = TokenIds.Copy(Inputs, config.VocabularySize, nameof(inputs)), lengths = Lengths.ToArray();
        int[]? parents = Parents?.ToArray();
        if (parents is not null && parents.Length != lengths.Length)
        {
            throw new ArgumentException($"There are {parents.Length} parents of {lengths.Length} sequences.", nameof(lengths));
        }

        int[] ends = parents is null ? lengths : new int[lengths.Length];
        long sum = 0;
        for (int i = 0, root = 0; i < lengths.Length; i++)
        {
            if (parents is not null)
            {
                int parent = parents[i];
                if (parent < 0) root = i;
                else if (parent < root || parent >= i || lengths[parent] == 0)
                {
                    throw new ArgumentException($"Sequence {i} cannot continue sequence {parent}.", nameof(lengths));
                }

                ends[i] = lengths[i] + (parent < 0 ? 0 : ends[parent]);
            }

            if (lengths[i] < 0 || ends[i] > config.ContextLength)
            {
                throw new ArgumentException(
                    $"Sequence {i} has a length of {ends[i]}; it must be from 0 to the context length, {config.ContextLength}.",
                    nameof(lengths));
            }

            sum += lengths[i];
        }

        if (sum != inputs.Length)
        {
            throw new ArgumentException($"The lengths add up to {sum}, but the number of inputs is {inputs.Length}.", nameof(lengths));
        }

        return this with { Inputs = inputs, Lengths = lengths, Parents = parents };
    }

    /// <summary>Returns the index after a sequence and those that continue it, directly or not.</summary>
    public int EndOfTree(int root)
    {
        int end = root + 1;
        while (Parents is { } parents && end < parents.Length && parents[end] >= 0) end++;
        return end;
    }
}
