using System.Management.Automation;
using System.Reflection;
using System.Runtime.Loader;

namespace MLNetGpt.Loading;

/// <summary>
/// Loads the libraries that the cmdlets refer to, whose names begin with MLNet.Gpt, through
/// <see cref="DependencyContext"/>; from there on every library finds its own dependencies. This is in an assembly of
/// its own, the manifest's first nested module, because PowerShell inspects the types of the cmdlets, which need
/// MLNet.Gpt.Core, before it calls an initializer in their assembly. The handler remains when the module is removed:
/// the cmdlets' assembly stays loaded as well.
/// </summary>
public sealed class ModuleInitializer : IModuleAssemblyInitializer
{
    private const string Prefix = "MLNet.Gpt.";

    private static readonly string Folder = Path.Combine(Path.GetDirectoryName(typeof(ModuleInitializer).Assembly.Location)!, "lib");

    private static readonly Lazy<DependencyContext> Context = new(() => new DependencyContext(Folder));

    static ModuleInitializer() => AssemblyLoadContext.Default.Resolving += Resolve;

    /// <summary>Called by PowerShell when it has loaded this assembly.</summary>
    public void OnImport()
    {
    }

    private static Assembly? Resolve(AssemblyLoadContext context, AssemblyName name) =>
        name.Name is { } library
            && library.StartsWith(Prefix, StringComparison.Ordinal)
            && File.Exists(Path.Combine(Folder, $"{library}.dll"))
            ? Context.Value.LoadFromAssemblyName(name)
            : null;
}
