using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace MLNetGpt.Loading;

/// <summary>
/// The load context of MLNet.Gpt.Core and its dependencies: all come from the module's own <c>lib</c> folder, whichever
/// versions of the same libraries another module has loaded.
/// </summary>
internal sealed class DependencyContext : AssemblyLoadContext
{
    private readonly string _folder;

    public DependencyContext(string folder) : base("MLNetGpt") => _folder = folder;

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        string path = Path.Combine(_folder, $"{assemblyName.Name}.dll");
        return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }

    // A library that exists but does not load is left to the handlers of ResolvingUnmanagedDll.
    protected override nint LoadUnmanagedDll(string unmanagedDllName)
    {
        foreach (string name in FileNames(unmanagedDllName))
        {
            string path = Path.Combine(_folder, name);
            if (File.Exists(path) && NativeLibrary.TryLoad(path, out nint library)) return library;
        }

        return 0;
    }

    private static string[] FileNames(string name) => OperatingSystem.IsWindows()
        ? [$"{name}.dll", name]
        : OperatingSystem.IsMacOS() ? [$"lib{name}.dylib", $"{name}.dylib", name] : [$"lib{name}.so", $"{name}.so", name];
}
