using System.Collections.Concurrent;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using Microsoft.PowerShell;

namespace MLNet.Gpt.PesterHost;

/// <summary>
/// Pester in this process: file after file, as in one PowerShell session, in one runspace with the cmdlets that come with
/// PowerShell.
/// </summary>
internal static class PesterRunspace
{
    private static readonly Lock OneAtATime = new();
    private static readonly Lazy<Runspace> Session = new(Open);
    private static readonly ConcurrentDictionary<string, Lazy<FileRun>> Runs = new();

    /// <summary>The major version of Pester.</summary>
    public static int Major { get; } = Environment.GetEnvironmentVariable("MLNET_GPT_PESTER") == "6" ? 6 : 5;

    /// <summary>Finds the tests of all files in the order in which they run.</summary>
    public static IReadOnlyList<Outcome> Discover() =>
        Invoke(shell => shell.AddParameter("Path", PesterFiles.All).AddParameter("SkipRun"));

    /// <summary>Runs a file, unless it runs or ran already, and returns as soon as the test at a place in it has ended.</summary>
    public static Task<Outcome> RunAsync(string file, int place) =>
        Runs.GetOrAdd(file, key => new(() => new FileRun(key))).Value.OutcomeAsync(place);

    private static List<Outcome> Invoke(Action<PowerShell> configure)
    {
        lock (OneAtATime)
        {
            using var shell = PowerShell.Create(Session.Value);
            shell.AddCommand(Path.Combine(PesterFiles.Folder, "Host", "Invoke-PesterFile.ps1"))
                .AddParameter("Pester", PesterFiles.Pester(Major));
            configure(shell);
            return [.. shell.Invoke().Select(Outcome.From)];
        }
    }

    private static Runspace Open()
    {
        // The package of the engine lacks modules that come with pwsh, such as ThreadJob.
        string modules = Path.Combine(Pwsh.Home, "Modules");
        string? path = Environment.GetEnvironmentVariable("PSModulePath");
        Environment.SetEnvironmentVariable("PSModulePath", string.Join(Path.PathSeparator, path, modules));
        var state = InitialSessionState.CreateDefault();
        if (OperatingSystem.IsWindows()) state.ExecutionPolicy = ExecutionPolicy.Bypass;
        var runspace = RunspaceFactory.CreateRunspace(state);
        runspace.Open();
        runspace.SessionStateProxy.Path.SetLocation(PesterFiles.Repository);
        return runspace;
    }

    /// <summary>What became of a test, or at place -1 of the discovery, setups and teardowns of a file.</summary>
    internal sealed record Outcome(string File, int Place, string Name, string? Failure, string? SkipReason)
    {
        public static Outcome From(PSObject value)
        {
            string? Text(string property) => value.Properties[property].Value?.ToString();
            return new(Text("File")!, (int)value.Properties["Place"].Value, Text("Name")!, Text("Failure"), Text("SkipReason"));
        }
    }

    /// <summary>A file that runs in the background.</summary>
    private sealed class FileRun
    {
        private readonly ConcurrentDictionary<int, TaskCompletionSource<Outcome>> _outcomes = new();
        private readonly Task _run;

        public FileRun(string file) => _run = Task.Factory.StartNew(
            () =>
            {
                Action<int, string?, string?> report = (place, failure, skipReason) => End(new(file, place, "", failure, skipReason));
                string path = Path.Combine(PesterFiles.Folder, file);
                Invoke(shell => shell.AddParameter("Path", path).AddParameter("Report", report)).ForEach(End);
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

        public async Task<Outcome> OutcomeAsync(int place)
        {
            var outcome = Source(place).Task;
            if (await Task.WhenAny(outcome, _run) == _run) await _run;
            return outcome.IsCompleted ? await outcome : throw new InvalidOperationException("Pester did not find the test again.");
        }

        private void End(Outcome outcome) => Source(outcome.Place).TrySetResult(outcome);

        private TaskCompletionSource<Outcome> Source(int place) =>
            _outcomes.GetOrAdd(place, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
    }
}
