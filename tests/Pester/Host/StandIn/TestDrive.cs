namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>The folder behind <c>TestDrive:</c>. What a block adds to it is gone when the block ends.</summary>
public sealed class TestDrive : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("pester-").FullName;

    public HashSet<string> Snapshot() => [.. Directory.EnumerateFileSystemEntries(Folder, "*", SearchOption.AllDirectories)];

    public void Restore(HashSet<string> snapshot)
    {
        // Longest first, so that a folder is empty when its turn comes.
        foreach (string path in
            Directory.GetFileSystemEntries(Folder, "*", SearchOption.AllDirectories).OrderByDescending(path => path.Length))
        {
            if (snapshot.Contains(path)) continue;
            if (Directory.Exists(path)) Directory.Delete(path);
            else File.Delete(path);
        }
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
