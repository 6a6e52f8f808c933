namespace MLNet.Gpt.Tests.Formats.Hostile;

/// <summary>A file of a model.</summary>
/// <param name="Name">Its path in the folder.</param>
/// <param name="Structure">The parts of its bytes that describe the rest.</param>
/// <param name="Mend">
/// Corrects the checksums of damaged bytes, at their original positions, so that the damage goes deeper;
/// <see langword="null"/> if there are none.
/// </param>
internal sealed record VictimFile(string Name, Func<byte[], Range[]> Structure, Action<byte[], byte[]>? Mend = null);
