using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// Finds TorchSharp's native library when the ordinary search has failed, in this assembly's load context. If the
/// ordinary search succeeds, only the subscription runs.
/// </summary>
internal static class LibTorchHook
{
    private static readonly Lock Gate = new();
    private static bool _isSubscribed;
    private static nint _handle;

    /// <summary>Why the last attempt failed; <see langword="null"/> if there was none or it succeeded.</summary>
    public static LibTorchUnavailableException? Failure { get; private set; }

    /// <summary>
    /// Starts listening; must be called before TorchSharp requests its library. Further calls do nothing.
    /// </summary>
    public static void Subscribe()
    {
        lock (Gate)
        {
            if (_isSubscribed) return;
            _isSubscribed = true;
            if (AssemblyLoadContext.GetLoadContext(typeof(LibTorchHook).Assembly) is { } context) context.ResolvingUnmanagedDll += Resolve;
        }
    }

    /// <summary>Why libtorch cannot run on this platform at all; <see langword="null"/> if it can.</summary>
    internal static string? PlatformProblem(string runtimeIdentifier, Architecture architecture, bool isLinux)
    {
        const string Platforms = "TorchSharp's packages provide it for linux-x64 (glibc 2.34 or newer), win-x64 and osx-arm64.";
        if (!isLinux) return null;
        if (runtimeIdentifier.Contains("musl", StringComparison.Ordinal))
        {
            return $"libtorch is built for glibc, and this system ({runtimeIdentifier}) has musl. {Platforms} "
                + "Use an image with glibc, such as Debian's.";
        }

        return architecture == Architecture.X64 ? null : $"There is no libtorch for this platform ({runtimeIdentifier}). {Platforms}";
    }

    private static nint Resolve(Assembly assembly, string name)
    {
        if (!OperatingSystem.IsLinux() || name is not ("LibTorchSharp" or "libLibTorchSharp" or "libLibTorchSharp.so")) return 0;
        lock (Gate)
        {
            if (_handle != 0) return _handle;
            try
            {
                var architecture = RuntimeInformation.ProcessArchitecture;
                string? problem = PlatformProblem(RuntimeInformation.RuntimeIdentifier, architecture, isLinux: true);
                if (problem is not null) throw new LibTorchUnavailableException(problem);
                _handle = new LibTorchLoader(NativeLibrary.Load, PatchedLibraryCache.OfUser()).Load(Directories(assembly));
                Failure = null;
            }
            catch (Exception e) when (e is LibTorchUnavailableException or IOException or UnauthorizedAccessException)
            {
                // TorchSharp's own message would mislead; LibTorch.EnsureLoaded replaces it with this one.
                Failure = e as LibTorchUnavailableException ?? new($"libtorch cannot be loaded: {e.Message}", e);
            }

            return _handle;
        }
    }

    // Next to TorchSharp, next to this assembly, next to the program, and where the host found native packages (such as
    // in a package cache).
    private static List<string> Directories(Assembly torchSharp)
    {
        string host = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        return new[] { Beside(torchSharp), Beside(typeof(LibTorchHook).Assembly), AppContext.BaseDirectory }
            .Concat(host.Split(Path.PathSeparator))
            .OfType<string>()
            .Where(directory => directory.Length > 0)
            .Select(Path.TrimEndingDirectorySeparator)
            .Distinct()
            .ToList();
    }

    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "An empty location is skipped; the base directory is searched.")]
    private static string? Beside(Assembly assembly) => Path.GetDirectoryName(assembly.Location);
}
