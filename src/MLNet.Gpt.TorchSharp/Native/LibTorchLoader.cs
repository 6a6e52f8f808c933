using System.Runtime.InteropServices;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// Loads TorchSharp's native library on Linux after the ordinary search has failed: from the packages' location, or as
/// a patched copy if the system's libstdc++ is older than the library requires. The packages' own files are never
/// changed.
/// </summary>
internal sealed class LibTorchLoader
{
    private const string Library = "libLibTorchSharp.so";

    // In this order, because later ones need earlier ones. Once they are loaded, a copy in another directory finds them
    // by name.
    private static readonly string[] Dependencies = ["libc10.so", "libtorch_cpu.so", "libtorch.so"];

    private readonly Func<string, nint> _load;
    private readonly PatchedLibraryCache? _cache;

    /// <param name="load">
    /// Loads a library by its path, or throws <see cref="DllNotFoundException"/> with the system's reason.
    /// </param>
    /// <param name="cache">
    /// Where patched copies are kept; without it, or if it fails, they are in a temporary directory until loaded.
    /// </param>
    public LibTorchLoader(Func<string, nint> load, PatchedLibraryCache? cache) => (_load, _cache) = (load, cache);

    /// <summary>
    /// Loads the library from the first of some directories that has it, itself or under
    /// <c>runtimes/linux-x64/native</c>.
    /// </summary>
    /// <exception cref="LibTorchUnavailableException">It cannot be loaded here.</exception>
    public nint Load(IReadOnlyList<string> directories)
    {
        string library = Find(Library, directories);
        foreach (string dependency in Dependencies) LoadDependency(Find(dependency, directories));
        try
        {
            return _load(library);
        }
        catch (DllNotFoundException refusal) when (refusal.Message.Contains("GLIBCXX_", StringComparison.Ordinal))
        {
            return LoadPatched(library, refusal);
        }
        catch (DllNotFoundException refusal)
        {
            throw Unavailable(library, refusal);
        }
    }

    private nint LoadPatched(string library, DllNotFoundException refusal)
    {
        byte[] patched;
        try
        {
            patched = LibStdCxxPatch.Apply(File.ReadAllBytes(library));
        }
        catch (InvalidDataException e)
        {
            throw new LibTorchUnavailableException(
                $"'{library}' needs a newer libstdc++ than this system has ({Reason(refusal)}), "
                + $"and cannot be adapted to the older one: {e.Message} "
                + "Install libstdc++ of GCC 13 or newer, or use a version of TorchSharp that works with this system's libstdc++.",
                refusal);
        }

        return TryCached(patched) ?? LoadTemporary(patched, library);
    }

    private nint? TryCached(byte[] patched)
    {
        try
        {
            return _cache is null ? null : _load(_cache.Store(Library, patched));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DllNotFoundException)
        {
            return null; // a home that is read-only, full, or mounted without the right to execute
        }
    }

    private nint LoadTemporary(byte[] patched, string library)
    {
        string directory = Directory.CreateTempSubdirectory("mlnet-gpt-").FullName; // accessible only to its owner
        try
        {
            return _load(new PatchedLibraryCache(directory).Store(Library, patched));
        }
        catch (DllNotFoundException e)
        {
            throw Unavailable(library, e);
        }
        finally
        {
            Directory.Delete(directory, recursive: true); // a loaded library stays loaded
        }
    }

    private void LoadDependency(string path)
    {
        try
        {
            _load(path);
        }
        catch (DllNotFoundException e)
        {
            throw Unavailable(path, e);
        }
    }

    private static string Find(string file, IReadOnlyList<string> directories) => directories
        .SelectMany(directory => new[] { Path.Combine(directory, file), Path.Combine(directory, "runtimes", "linux-x64", "native", file) })
        .FirstOrDefault(File.Exists)
        ?? throw new LibTorchUnavailableException(
            $"'{file}' was not found in {string.Join(", ", directories.Select(directory => $"'{directory}'"))} "
            + "or in runtimes/linux-x64/native below. Add the package TorchSharp-cpu to the program that runs (it contains this file), "
            + $"and build or publish it for {RuntimeInformation.RuntimeIdentifier}.");

    private static LibTorchUnavailableException Unavailable(string path, DllNotFoundException refusal) => new(
        $"'{path}' cannot be loaded: {Reason(refusal)} libtorch needs Linux on x64 with glibc 2.34 and libstdc++ of GCC 11 or newer "
        + "(package libstdc++6 on Debian and Ubuntu, libstdc++ on Fedora and RHEL).",
        refusal);

    // The runtime adds a hint before the system's message, which is the last line.
    private static string Reason(DllNotFoundException refusal) =>
        refusal.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1];
}
