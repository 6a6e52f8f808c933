namespace MLNet.Gpt.Tests;

internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("mlnet-gpt-tests-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
