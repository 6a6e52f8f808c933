using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

public sealed class LibTorchLoaderTests : IDisposable
{
    private const string OldLibStdCxx =
        "Unable to load shared library or one of its dependencies.\n/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not "
        + "found (required by x)\n";

    private readonly TemporaryDirectory _temporary = new();
    private readonly List<string> _loaded = [];

    private string CacheFolder => Path.Combine(_temporary.Path, "cache");

    private string PackageFolder => Path.Combine(_temporary.Path, "package");

    [Fact]
    public void If_the_stock_file_loads_nothing_is_patched_or_written()
    {
        Lay(PackageFolder);
        Assert.Equal(4, Loader(path => true).Load([PackageFolder]));
        Assert.Equal(["libc10.so", "libtorch_cpu.so", "libtorch.so", "libLibTorchSharp.so"], _loaded.Select(Path.GetFileName));
        Assert.False(Directory.Exists(CacheFolder));
    }

    [Fact]
    public void If_libstdcxx_is_too_old_a_patched_copy_is_loaded_from_the_cache()
    {
        byte[] stock = StockLibrary.Read();
        Lay(PackageFolder, stock);
        Assert.Equal(5, Loader(path => !IsStock(path)).Load([PackageFolder]));

        Assert.StartsWith(CacheFolder, _loaded[^1], StringComparison.Ordinal);
        Assert.Equal(LibStdCxxPatch.Apply(stock), File.ReadAllBytes(_loaded[^1]));
        Assert.Equal(stock, File.ReadAllBytes(Path.Combine(PackageFolder, "libLibTorchSharp.so")));
    }

    [Fact]
    public void If_the_cache_cannot_be_used_a_temporary_copy_is_loaded_and_removed()
    {
        Lay(PackageFolder, StockLibrary.Read());
        File.WriteAllText(CacheFolder, "a file where the directory should be");
        Loader(path => !IsStock(path)).Load([PackageFolder]);

        Assert.DoesNotContain(_temporary.Path, _loaded[^1], StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.GetDirectoryName(_loaded[^1])));
    }

    [Fact]
    public void The_files_are_also_found_in_the_layout_of_a_portable_build()
    {
        Lay(Path.Combine(PackageFolder, "runtimes", "linux-x64", "native"));
        Loader(path => true).Load([_temporary.Path, PackageFolder]);
        Assert.All(_loaded, path => Assert.StartsWith(PackageFolder, path, StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_file_is_named_with_the_package_that_contains_it()
    {
        Lay(PackageFolder);
        File.Delete(Path.Combine(PackageFolder, "libtorch_cpu.so"));
        var error = Assert.Throws<LibTorchUnavailableException>(() => Loader(path => true).Load([PackageFolder]));
        Assert.Contains("libtorch_cpu.so", error.Message, StringComparison.Ordinal);
        Assert.Contains("TorchSharp-cpu", error.Message, StringComparison.Ordinal);
        Assert.Contains(PackageFolder, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_that_cannot_be_patched_says_what_the_system_lacks()
    {
        Lay(PackageFolder, "not a library"u8.ToArray());
        var error = Assert.Throws<LibTorchUnavailableException>(() => Loader(path => !IsStock(path)).Load([PackageFolder]));
        Assert.Contains("version `GLIBCXX_3.4.32' not found", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("linux-musl-x64", System.Runtime.InteropServices.Architecture.X64, "musl")]
    [InlineData("linux-arm64", System.Runtime.InteropServices.Architecture.Arm64, "linux-arm64")]
    public void A_platform_without_libtorch_is_named(
        string identifier, System.Runtime.InteropServices.Architecture architecture, string named) =>
        Assert.Contains(named, LibTorchHook.PlatformProblem(identifier, architecture, isLinux: true), StringComparison.Ordinal);

    [Fact]
    public void Linux_on_x64_has_no_problem() =>
        Assert.Null(LibTorchHook.PlatformProblem("linux-x64", System.Runtime.InteropServices.Architecture.X64, isLinux: true));

    public void Dispose() => _temporary.Dispose();

    private static void Lay(string folder, byte[]? library = null)
    {
        Directory.CreateDirectory(folder);
        foreach (string dependency in (string[])["libc10.so", "libtorch_cpu.so", "libtorch.so"])
        {
            File.WriteAllText(Path.Combine(folder, dependency), "");
        }

        File.WriteAllBytes(Path.Combine(folder, "libLibTorchSharp.so"), library ?? []);
    }

    private static bool IsStock(string path) => Path.GetFileName(path) == "libLibTorchSharp.so";

    // Replaces the system's loader; a handle is the number of calls so far.
    private LibTorchLoader Loader(Func<string, bool> accepts) => new(
        path =>
        {
            _loaded.Add(path);
            return accepts(path) ? _loaded.Count : throw new DllNotFoundException(OldLibStdCxx);
        },
        new PatchedLibraryCache(CacheFolder));
}
