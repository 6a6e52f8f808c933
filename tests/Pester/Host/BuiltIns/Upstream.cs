using System.Management.Automation;
using System.Reflection;

namespace MLNet.Gpt.PesterHost.BuiltIns;

/// <summary>The exception with which a cmdlet says that it needs no more input; the engine keeps its type to itself.</summary>
internal static class Upstream
{
    private static readonly ConstructorInfo Constructor =
        typeof(PSCmdlet).Assembly.GetType("System.Management.Automation.StopUpstreamCommandsException", throwOnError: true)!
            .GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Single(constructor => constructor.GetParameters().Length == 1);

    public static Exception Stop(Cmdlet command) => (Exception)Constructor.Invoke([command]);
}
