namespace MLNet.Gpt.Training.Checkpoints;

/// <summary>
/// The best weights that a checkpoint speaks of, known by their contents: those of another run under the same name are
/// not taken for them.
/// </summary>
/// <param name="Folder">The name of their folder.</param>
/// <param name="Sha256">The SHA-256 of their file in hexadecimal digits.</param>
internal sealed record SavedBest(string Folder, string Sha256);
