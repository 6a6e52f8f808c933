namespace MLNet.Gpt.Network;

/// <summary>A weight's place in flat memory.</summary>
/// <param name="Name">Its name, one of <see cref="WeightNames"/>.</param>
/// <param name="Offset">Numbers before it.</param>
/// <param name="Length">Numbers in it.</param>
/// <param name="IsMatrix">Whether it has two dimensions.</param>
/// <param name="IsFrozen">Whether it stays as it is.</param>
internal sealed record ParameterSlot(string Name, long Offset, long Length, bool IsMatrix, bool IsFrozen);
