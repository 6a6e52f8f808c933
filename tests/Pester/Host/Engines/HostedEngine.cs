using System.Diagnostics;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using Microsoft.PowerShell;
using MLNet.Gpt.PesterHost.BuiltIns;
using MLNet.Gpt.PesterHost.StandIn;

namespace MLNet.Gpt.PesterHost.Engines;

/// <summary>
/// The real PowerShell engine inside this process, with the stand-ins for Pester and for the built-in cmdlets that do
/// not come with the engine.
/// </summary>
internal sealed class HostedEngine : IPesterEngine
{
    public string Description =>
        $"the PowerShell {EngineVersion} engine in this process, with the stand-in for Pester 5 (no pwsh with Pester 5 on the PATH)";

    private static string EngineVersion =>
        FileVersionInfo.GetVersionInfo(typeof(PSObject).Assembly.Location).ProductVersion?.Split(' ')[0] ?? "7";

    public IReadOnlyList<string> Discover(string file)
    {
        using var runspace = Open(out var session);
        Discover(runspace, session, file);
        return [.. session.Root.Tests.Select(test => test.Path)];
    }

    public IReadOnlyList<PesterOutcome> Run(string file)
    {
        if (OwnProcess.IsNeeded(file)) return OwnProcess.Run(file);
        using var drive = new TestDrive();
        using var runspace = Open(out var session);
        Discover(runspace, session, file);
        var variables = runspace.SessionStateProxy.PSVariable;
        variables.Set("______testDrive", drive);
        variables.Set("TestDrive", drive.Folder);
        runspace.SessionStateProxy.Drive.New(
            new PSDriveInfo("TestDrive", runspace.SessionStateProxy.Provider.GetOne("FileSystem"), drive.Folder, "", null), "Global");
        variables.Set("______runBlock", ScriptBlock.Create(PesterScripts.RunBlock));
        variables.Set("______runTest", ScriptBlock.Create(PesterScripts.RunTest));
        Invoke(runspace, PesterScripts.RunBlock, session.Root);
        return [.. session.Root.Tests.Select(Outcome)];
    }

    private static void Discover(Runspace runspace, PesterSession session, string file)
    {
        Invoke(runspace, PesterScripts.Discover, file);
        if (session.DiscoveryError is { } error) throw new PesterDiscoveryException(Describe(error));
    }

    private static PesterOutcome Outcome(TestItem test)
    {
        string? failure = test.Errors.Count > 0 ? string.Join(Environment.NewLine, test.Errors.Select(Describe)) : null;
        if (failure is null && test.SkipReason is null && !test.Executed) failure = "The test did not run.";
        return new(test.Path, failure, test.SkipReason);
    }

    private static string Describe(ErrorRecord error) =>
        $"{error} ({error.FullyQualifiedErrorId}){Environment.NewLine}{error.ScriptStackTrace}{Environment.NewLine}{error.Exception.InnerException}";

    private static void Invoke(Runspace runspace, string script, object argument)
    {
        using var shell = System.Management.Automation.PowerShell.Create(runspace);
        shell.AddScript(script).AddArgument(argument).Invoke();
    }

    private static Runspace Open(out PesterSession session)
    {
        var state = InitialSessionState.CreateDefault2();
        if (OperatingSystem.IsWindows()) state.ExecutionPolicy = ExecutionPolicy.Bypass;
        state.ThreadOptions = PSThreadOptions.UseCurrentThread;
        foreach (string name in (string[])["Describe", "Context"]) Add<DescribeCommand>(name);
        foreach (string name in Enum.GetNames<SetupKind>()) Add<SetupCommand>(name);
        Add<BeforeDiscoveryCommand>("BeforeDiscovery");
        Add<ItCommand>("It");
        Add<ShouldCommand>("Should");
        state.Commands.Add(new SessionStateCmdletEntry("Set-ItResult", typeof(SetItResultCommand), null));
        foreach (var entry in BuiltInCmdlets.All) state.Commands.Add(entry);
        session = new PesterSession();
        state.Variables.Add(new SessionStateVariableEntry(PesterSession.VariableName, session, "The test file that runs."));
        var runspace = RunspaceFactory.CreateRunspace(new RecordingHost(), state);
        runspace.Open();
        return runspace;

        // The engine looks for cmdlets only under names with a hyphen; a keyword is an alias of such a one. Unlike a function
        // it has no scope of its own, so that what it dot-sources lands where the keyword stands.
        void Add<TCommand>(string keyword)
        {
            state.Commands.Add(new SessionStateCmdletEntry($"StandIn-{keyword}", typeof(TCommand), null));
            state.Commands.Add(new SessionStateAliasEntry(keyword, $"StandIn-{keyword}"));
        }
    }
}
