using System.Runtime.InteropServices;

namespace MLNet.Gpt.Tests.TorchSharp;

/// <summary>TorchSharp's native library as in its package, next to the tests.</summary>
internal static class StockLibrary
{
    public static string FilePath { get; } = Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so");

    public static bool IsHere =>
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 && File.Exists(FilePath);

    public static byte[] Read()
    {
        Assert.SkipUnless(IsHere, "The remedy is for Linux on x64.");
        return File.ReadAllBytes(FilePath);
    }
}
