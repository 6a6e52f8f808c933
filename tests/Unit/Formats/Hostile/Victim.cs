namespace MLNet.Gpt.Tests.Formats.Hostile;

/// <summary>A model whose files are damaged one at a time.</summary>
/// <param name="Name">The file or folder among the fixtures that is opened, or where it is written.</param>
/// <param name="Files">The files that may be damaged, by their paths in the folder.</param>
/// <param name="HasChecksums">Whether damage to the weights themselves must be detected.</param>
internal sealed record Victim(string Name, VictimFile[] Files, bool HasChecksums = false)
{
    /// <summary>
    /// Whether a tensor may be part of what the file stores, so that damage to the structure can result in a smaller
    /// model that a program could have saved.
    /// </summary>
    public bool HasViews { get; init; }

    /// <summary>The most weights that a byte of the file's data belongs to.</summary>
    public int WeightsPerBlock { get; init; } = 32;

    /// <summary>Writes the model into a folder; <see langword="null"/> if it is among the fixtures.</summary>
    public Action<string>? Write { get; init; }
}
