using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

public sealed class PatchedLibraryCacheTests : IDisposable
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 100_000).Select(i => (byte)i)];
    private readonly TemporaryDirectory _temporary = new();

    private string Folder => Path.Combine(_temporary.Path, "cache");

    [Fact]
    public void A_stored_file_has_the_content_and_is_the_only_file()
    {
        string path = new PatchedLibraryCache(Folder).Store("library.so", Content);
        Assert.Equal(Content, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(Folder));
    }

    [Fact]
    public void A_good_file_is_left_alone()
    {
        var cache = new PatchedLibraryCache(Folder);
        string path = cache.Store("library.so", Content);
        var written = new DateTime(2020, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, written);

        Assert.Equal(path, cache.Store("library.so", Content));
        Assert.Equal(written, File.GetLastWriteTimeUtc(path));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_damaged_or_half_written_file_is_replaced(bool halfWritten)
    {
        var cache = new PatchedLibraryCache(Folder);
        string path = cache.Store("library.so", Content);
        byte[] damaged = halfWritten ? Content[..(Content.Length / 2)] : [.. Content[..^1], 0];
        Assert.NotEqual(Content, damaged);
        File.WriteAllBytes(path, damaged);

        Assert.Equal(path, cache.Store("library.so", Content));
        Assert.Equal(Content, File.ReadAllBytes(path));
    }

    [Fact]
    public void Another_content_gets_another_file()
    {
        var cache = new PatchedLibraryCache(Folder);
        Assert.NotEqual(cache.Store("library.so", Content), cache.Store("library.so", Content[1..]));
    }

    [Fact]
    public void Only_the_owner_can_access_the_directory()
    {
        if (OperatingSystem.IsWindows()) return;
        Directory.CreateDirectory(Folder);
        new PatchedLibraryCache(Folder).Store("library.so", Content);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
    }

    [Fact]
    public void Concurrent_processes_all_get_the_same_good_file()
    {
        var paths = new string[16];
        Parallel.For(0, paths.Length, new ParallelOptions { MaxDegreeOfParallelism = 16 }, i =>
        {
            paths[i] = new PatchedLibraryCache(Folder).Store("library.so", Content);
            Assert.Equal(Content, File.ReadAllBytes(paths[i]));
        });
        Assert.Single(paths.Distinct());
        Assert.Single(Directory.GetFiles(Folder));
    }

    public void Dispose() => _temporary.Dispose();
}
