namespace MLNet.Gpt.Inference;

/// <summary>Rows of a pass that continue one sequence.</summary>
/// <param name="Cache">The sequence's keys and values; has room for the new positions.</param>
/// <param name="Position">Position of the segment's first token in its sequence.</param>
/// <param name="FirstRow">Row of that token in the pass.</param>
/// <param name="Count">Number of tokens.</param>
internal readonly record struct Segment(KvCache Cache, int Position, int FirstRow, int Count);
