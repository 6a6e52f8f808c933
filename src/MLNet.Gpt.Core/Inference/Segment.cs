namespace MLNet.Gpt.Inference;

/// <summary>Rows of a pass that continue one sequence.</summary>
/// <param name="Cache">The sequence's keys and values; has room for the new positions.</param>
/// <param name="Position">Position of the segment's first token in its sequence.</param>
/// <param name="FirstRow">Row of that token in the pass.</param>
/// <param name="Count">Number of tokens.</param>
internal readonly record struct Segment(KvCache Cache, int Position, int FirstRow, int Count)
{
    /// <summary>
    /// Index in the pass of the segment that this one continues, up to its end, for several sequences that begin with the same tokens;
    /// −1 if the earlier positions are in <see cref="Cache"/>. The cache has borrowed the complete blocks before
    /// <see cref="Position"/>; the other positions are stored with this segment's.
    /// </summary>
    public int Parent { get; init; } = -1;
}
