using System.Management.Automation;
using System.Reflection;
using System.Runtime.Loader;

namespace MLNetGpt.Loading;

/// <summary>
/// Sends what the cmdlets refer to, the libraries whose names begin with MLNet.Gpt, to <see cref="DependencyContext"/>;
/// from there on every library finds its own dependencies. An assembly of its own and the manifest's first nested
/// module, because PowerShell looks at the types of the cmdlets, which need MLNet.Gpt.Core, before it calls an
/// initializer among them. The handler stays when the module is removed: the cmdlets' assembly stays loaded as well.
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
        name.Name is { } library && library.StartsWith(Prefix, StringComparison.Ordinal) && File.Exists(Path.Combine(Folder, $"{library}.dll"))
            ? Context.Value.LoadFromAssemblyName(name)
            : null;
}
