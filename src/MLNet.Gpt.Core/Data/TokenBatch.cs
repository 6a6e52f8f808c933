namespace MLNet.Gpt.Data;

/// <summary>
/// Sequences of any lengths, packed one after another without padding: S sequences of N tokens in all. Windows of a text are
/// sequences of equal length, (B, T) row-major.
/// </summary>
internal sealed class TokenBatch
{
    /// <summary>A target that does not count, PyTorch's <c>ignore_index</c>.</summary>
    public const int Ignored = -100;

    /// <summary>Packs examples into a batch.</summary>
    public TokenBatch(IExamples examples, ReadOnlySpan<int> indices)
    {
        Starts = new int[indices.Length + 1];
        for (int i = 0; i < indices.Length; i++)
        {
            int length = examples.Length(indices[i]);
            Starts[i + 1] = checked(Starts[i] + length);
            Length = Math.Max(Length, length);
        }

        Inputs = new int[Starts[^1]];
        Targets = new int[Starts[^1]];
        for (int i = 0; i < indices.Length; i++)
        {
            int start = Starts[i], length = Starts[i + 1] - start;
            examples.Copy(indices[i], Inputs.AsSpan(start, length), Targets.AsSpan(start, length));
        }

        if (examples.Label(indices[0]) is not null) Labels = new int[indices.Length];
        if (examples.Value(indices[0]) is not null) Values = new float[indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            if (Labels is not null) Labels[i] = examples.Label(indices[i])!.Value;
            if (Values is not null) Values[i] = examples.Value(indices[i])!.Value;
        }

        TargetCount = IsLabeled ? BatchSize : RowCount - Targets.AsSpan().Count(Ignored);
        CountedTargets = Targets;
        if (IsLabeled)
        {
            CountedRows = [.. Starts.Skip(1).Select(end => end - 1)];
            CountedTargets = [];
        }
        else if (TargetCount < RowCount)
        {
            CountedRows = [.. Enumerable.Range(0, RowCount).Where(row => Targets[row] != Ignored)];
            CountedTargets = Array.ConvertAll(CountedRows, row => Targets[row]);
        }
    }

    /// <summary>Number of sequences, S.</summary>
    public int BatchSize => Starts.Length - 1;

    /// <summary>Number of tokens in all sequences, N.</summary>
    public int RowCount => Inputs.Length;

    /// <summary>Tokens in the longest sequence, T.</summary>
    public int Length { get; }

    /// <summary>Whether all sequences are equally long, so that the batch is a matrix (B, T).</summary>
    public bool IsRectangular => (long)BatchSize * Length == RowCount;

    /// <summary>The first row of each sequence, and N at the end: (S + 1).</summary>
    public int[] Starts { get; }

    /// <summary>Input ids, (N).</summary>
    public int[] Inputs { get; }

    /// <summary>Target ids, (N); <see cref="Ignored"/> for those that do not count.</summary>
    public int[] Targets { get; }

    /// <summary>Targets that count; for labeled sequences, S.</summary>
    public int TargetCount { get; }

    /// <summary>
    /// The rows whose output counts, ascending: those with a target, or the last of each labeled sequence;
    /// <see langword="null"/> if all count.
    /// </summary>
    public int[]? CountedRows { get; }

    /// <summary>The target ids that count; none if sequences are labeled.</summary>
    public int[] CountedTargets { get; }

    /// <summary>Whether sequences have labels or values.</summary>
    public bool IsLabeled => Labels is not null || Values is not null;

    /// <summary>The class of each sequence, (S), if sequences have labels.</summary>
    public int[]? Labels { get; }

    /// <summary>The number of each sequence, (S), if sequences have numbers.</summary>
    public float[]? Values { get; }
}
