using System.Runtime.InteropServices;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// Environment variables as seen by native libraries, which do not read .NET's own copy. Variables that were set are
/// restored when this is disposed.
/// </summary>
/// <remarks>
/// The C library does not synchronize its environment: native code on another thread that reads it at the same moment
/// may see either value. So keep it open for as short a time as possible.
/// </remarks>
internal sealed partial class NativeEnvironment : IDisposable
{
    private readonly Stack<(string Name, string? Value)> _former = new();

    /// <summary>Whether a variable is set, for .NET or for native code.</summary>
    public static bool Has(string name) => Environment.GetEnvironmentVariable(name) is not null || Get(name) is not null;

    /// <summary>The value that native code sees; <see langword="null"/> for none.</summary>
    public static string? Get(string name) =>
        Marshal.PtrToStringUTF8(OperatingSystem.IsWindows() ? GetWindows(name) : GetPosix(name));

    /// <summary>Sets a variable until this is disposed.</summary>
    public void Set(string name, string value)
    {
        string? former = Get(name);
        Put(name, value);
        _former.Push((name, former));
    }

    /// <summary>Restores the previous values.</summary>
    public void Dispose()
    {
        while (_former.TryPop(out var variable)) Put(variable.Name, variable.Value);
    }

    private static void Put(string name, string? value)
    {
        int error = OperatingSystem.IsWindows() ? PutWindows(name, value ?? "") // an empty value removes it
            : value is null ? UnsetPosix(name) : SetPosix(name, value, overwrite: 1);
        if (error != 0) throw new InvalidOperationException($"The environment variable {name} could not be set (error {error}).");
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetPosix(string name);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetPosix(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnsetPosix(string name);

    [LibraryImport("ucrtbase", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetWindows(string name);

    [LibraryImport("ucrtbase", EntryPoint = "_putenv_s", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int PutWindows(string name, string value);
}
