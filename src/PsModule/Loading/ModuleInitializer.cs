using System.Management.Automation;
using System.Reflection;
using System.Runtime.Loader;

namespace MLNetGpt.Loading;

/// <summary>
/// Sends the cmdlets' one reference, MLNet.Gpt, to <see cref="DependencyContext"/>; from there on every library finds its own dependencies.
/// An assembly of its own and the manifest's first nested module, because PowerShell looks at the types of the cmdlets, which need MLNet.Gpt, before it
/// calls an initializer among them. The handler stays when the module is removed: the cmdlets' assembly stays loaded as well.
/// </summary>
public sealed class ModuleInitializer : IModuleAssemblyInitializer
{
    private const string Library = "MLNet.Gpt";

    private static readonly Lazy<DependencyContext> Context =
        new(() => new DependencyContext(Path.Combine(Path.GetDirectoryName(typeof(ModuleInitializer).Assembly.Location)!, "lib")));

    static ModuleInitializer() => AssemblyLoadContext.Default.Resolving += Resolve;

    /// <summary>Called by PowerShell when it has loaded this assembly.</summary>
    public void OnImport()
    {
    }

    private static Assembly? Resolve(AssemblyLoadContext context, AssemblyName name) =>
        name.Name == Library ? Context.Value.LoadFromAssemblyName(name) : null;
}
