namespace MLNet.Gpt.Tests.Formats.Hostile;

/// <summary>A file of a model.</summary>
/// <param name="Name">Its path in the folder.</param>
/// <param name="Structure">The parts of its bytes that say what the rest is.</param>
/// <param name="Mend">
/// Sets the checksums of damaged bytes right, at the places that the undamaged ones have, so that the damage goes
/// deeper; <see langword="null"/> if there are none.
/// </param>
internal sealed record VictimFile(string Name, Func<byte[], Range[]> Structure, Action<byte[], byte[]>? Mend = null);
