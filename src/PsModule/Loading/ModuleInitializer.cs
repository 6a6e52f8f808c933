using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Runtime.Loader;

namespace MLNetGpt.Loading;

/// <summary>
/// Loads the libraries that the cmdlets refer to, whose names begin with MLNet.Gpt, through
/// <see cref="DependencyContext"/>; from there on every library finds its own dependencies. This is in an assembly of
/// its own, the manifest's first nested module, because PowerShell inspects the types of the cmdlets, which need
/// MLNet.Gpt.Core, before it calls an initializer in their assembly. The handler remains when the module is removed:
/// the cmdlets' assembly stays loaded as well.
/// <para>A module that was imported by its path is unknown to other runspaces, so <c>ForEach-Object -Parallel</c> and
/// <c>Start-ThreadJob</c> would not find its cmdlets. The folder above the module's is therefore appended to
/// <c>$env:PSModulePath</c>, unless it is there already, until the module is removed from the session that
/// imported it.</para>
/// </summary>
public sealed class ModuleInitializer : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private const string ModuleName = "MLNetGpt";
    private const string ModulePath = "PSModulePath";
    private const string Prefix = "MLNet.Gpt.";

    private static readonly string Base = Path.GetDirectoryName(typeof(ModuleInitializer).Assembly.Location)!;
    private static readonly string Folder = Path.Combine(Base, "lib");

    // The runspace for which the folder was appended.
    private static Guid? _appender;

    private static readonly Lazy<DependencyContext> Context = new(() => new DependencyContext(Folder));

    static ModuleInitializer() => AssemblyLoadContext.Default.Resolving += Resolve;

    /// <summary>Called by PowerShell when it has loaded this assembly.</summary>
    public void OnImport()
    {
        if (ModulesFolder() is not { } folder) return;
        string[] folders = Folders();
        if (folders.Contains(folder, PathComparer)) return;
        Environment.SetEnvironmentVariable(ModulePath, string.Join(Path.PathSeparator, [.. folders, folder]));
        _appender = Runspace.DefaultRunspace?.InstanceId;
    }

    /// <summary>Called by PowerShell when the module is removed.</summary>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        if (_appender is null || _appender != Runspace.DefaultRunspace?.InstanceId || ModulesFolder() is not { } folder) return;
        _appender = null;
        var others = Folders().Where(each => !PathComparer.Equals(each, folder));
        Environment.SetEnvironmentVariable(ModulePath, string.Join(Path.PathSeparator, others));
    }

    private static StringComparer PathComparer =>
        OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase;

    private static string[] Folders() =>
        (Environment.GetEnvironmentVariable(ModulePath) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);

    // The folder in which PowerShell finds the module by name: above MLNetGpt, or above MLNetGpt/<version>.
    private static string? ModulesFolder()
    {
        string? folder = Path.GetDirectoryName(Base);
        if (Path.GetFileName(Base) == ModuleName) return folder;
        return Path.GetFileName(folder) == ModuleName ? Path.GetDirectoryName(folder) : null;
    }

    private static Assembly? Resolve(AssemblyLoadContext context, AssemblyName name) =>
        name.Name is { } library
            && library.StartsWith(Prefix, StringComparison.Ordinal)
            && File.Exists(Path.Combine(Folder, $"{library}.dll"))
            ? Context.Value.LoadFromAssemblyName(name)
            : null;
}
