using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// Answers for TorchSharp's native library when the ordinary search has failed, in the load context that this assembly is in.
/// Where the ordinary search succeeds, nothing here ever runs but the subscription.
/// </summary>
internal static class LibTorchHook
{
    private static readonly Lock Gate = new();
    private static nint _handle;

    /// <summary>Why the last attempt failed; <see langword="null"/> where there was none or it succeeded.</summary>
    public static LibTorchUnavailableException? Failure { get; private set; }

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The only moment that surely comes before TorchSharp asks for its library.")]
    internal static void Subscribe()
    {
        if (AssemblyLoadContext.GetLoadContext(typeof(LibTorchHook).Assembly) is { } context) context.ResolvingUnmanagedDll += Resolve;
    }

    /// <summary>Why libtorch cannot run on this platform at all; <see langword="null"/> where it can.</summary>
    internal static string? PlatformProblem(string runtimeIdentifier, Architecture architecture, bool isLinux)
    {
        const string Platforms = "TorchSharp's packages bring it for linux-x64 (glibc 2.34 or newer), win-x64 and osx-arm64.";
        if (!isLinux) return null;
        if (runtimeIdentifier.Contains("musl", StringComparison.Ordinal))
        {
            return $"libtorch is built for glibc and this system ({runtimeIdentifier}) runs on musl. {Platforms} Use an image with glibc, such as Debian's.";
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
                string? problem = PlatformProblem(RuntimeInformation.RuntimeIdentifier, RuntimeInformation.ProcessArchitecture, isLinux: true);
                if (problem is not null) throw new LibTorchUnavailableException(problem);
                _handle = new LibTorchLoader(NativeLibrary.Load, MendedLibraryCache.OfUser()).Load(Directories(assembly));
                Failure = null;
            }
            catch (Exception e) when (e is LibTorchUnavailableException or IOException or UnauthorizedAccessException)
            {
                // TorchSharp's own message would mislead; LibTorch.EnsureLoaded puts this one in its place.
                Failure = e as LibTorchUnavailableException ?? new($"libtorch cannot be loaded: {e.Message}", e);
            }

            return _handle;
        }
    }

    // Beside TorchSharp, beside this assembly, beside the program, and where the host found native packages (as from a package cache).
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

    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "An empty location is left out; the program's directory serves then.")]
    private static string? Beside(Assembly assembly) => Path.GetDirectoryName(assembly.Location);
}
