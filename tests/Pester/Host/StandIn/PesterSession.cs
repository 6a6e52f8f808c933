using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>
/// One test file on its way through discovery and run; the keywords find it in the runspace's variable of
/// <see cref="VariableName"/>.
/// </summary>
public sealed class PesterSession
{
    public const string VariableName = "______pester";

    public TestBlock Root { get; } = new(null, "", null, TestData.None, skip: false);

    /// <summary>The block whose body is being discovered, or <see langword="null"/> once the tests run.</summary>
    public TestBlock? Discovering { get; private set; }

    /// <summary>The error that ended discovery.</summary>
    public ErrorRecord? DiscoveryError { get; private set; }

    public static PesterSession Of(PSCmdlet keyword) =>
        keyword.SessionState.PSVariable.GetValue(VariableName) switch
        {
            PSObject { BaseObject: PesterSession session } => session,
            PesterSession session => session,
            _ => throw new InvalidOperationException($"{keyword.MyInvocation.MyCommand.Name} was used outside a test file."),
        };

    /// <summary>The block that is being discovered; a keyword that shapes the tree may only be used there.</summary>
    public TestBlock Shaping(string keyword) => Discovering
        ?? throw new InvalidOperationException(
            $"{keyword} is not allowed while tests run; it belongs in the body of the file, a Describe or a Context.");

    public void Begin() => Discovering = Root;

    public void Enter(TestBlock block) => Discovering = block;

    public void Leave() => Discovering = Discovering?.Parent;

    public void End() => Discovering = null;

    public void FailDiscovery(ErrorRecord error) => DiscoveryError ??= error;
}
