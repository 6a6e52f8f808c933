namespace MLNet.Gpt.Transforms;

/// <summary>A file in the system's temporary folder that goes when it is disposed of.</summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlnet-gpt-").FullName;

    public string Path => System.IO.Path.Combine(_folder, "file");

    public void Fill(Stream source)
    {
        using var file = File.Create(Path);
        source.CopyTo(file);
    }

    public void CopyTo(Stream destination)
    {
        using var file = File.OpenRead(Path);
        file.CopyTo(destination);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
