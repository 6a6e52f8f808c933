using System.Runtime.InteropServices;

namespace MLNet.Gpt.TorchSharp;

/// <summary>Environment variables as native libraries see them: .NET keeps a copy of its own, which they do not read.</summary>
internal static partial class NativeEnvironment
{
    public static void Set(string name, string value)
    {
        int error = OperatingSystem.IsWindows() ? PutWindows(name, value) : SetPosix(name, value, overwrite: 1);
        if (error != 0) throw new InvalidOperationException($"The environment variable {name} could not be set (error {error}).");
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetPosix(string name, string value, int overwrite);

    [LibraryImport("ucrtbase", EntryPoint = "_putenv_s", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int PutWindows(string name, string value);
}
