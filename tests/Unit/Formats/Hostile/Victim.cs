namespace MLNet.Gpt.Tests.Formats.Hostile;

/// <summary>A model whose files are damaged one at a time.</summary>
/// <param name="Name">The file or folder among the fixtures that is opened, or where it is written.</param>
/// <param name="Files">The files that may be damaged, by their paths in the folder.</param>
/// <param name="HasChecksums">Whether damage to the weights themselves must be found.</param>
internal sealed record Victim(string Name, VictimFile[] Files, bool HasChecksums = false)
{
    /// <summary>
    /// Whether a tensor may be a part of what the file stores, so that damage to its structure can make a smaller
    /// model, as a program could have saved it.
    /// </summary>
    public bool HasViews { get; init; }
}
