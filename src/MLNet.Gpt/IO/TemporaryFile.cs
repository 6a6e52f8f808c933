namespace MLNet.Gpt.IO;

/// <summary>A file in a temporary folder that goes when it is disposed of.</summary>
/// <param name="parent">Where the folder is made; <see langword="null"/> for the system's place.</param>
internal sealed class TemporaryFile(string? parent = null) : IDisposable
{
    private readonly string _folder = parent is null
        ? Directory.CreateTempSubdirectory("mlnet-gpt-").FullName
        : Directory.CreateDirectory(System.IO.Path.Combine(parent, $"mlnet-gpt-{Guid.NewGuid():N}")).FullName;

    public string Path => System.IO.Path.Combine(_folder, "file");

    public void Fill(Stream source)
    {
        using var file = File.Create(Path);
        source.CopyTo(file);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
