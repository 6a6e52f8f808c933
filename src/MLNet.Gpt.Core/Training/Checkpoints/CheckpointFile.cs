namespace MLNet.Gpt.Training.Checkpoints;

/// <summary>A file as it was written.</summary>
/// <param name="Length">Its bytes.</param>
/// <param name="Sha256">Their SHA-256 in hexadecimal digits.</param>
internal sealed record CheckpointFile(long Length, string Sha256);
