using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace MLNetGpt.Jobs;

/// <summary>
/// A cmdlet that runs in the background of this process, so that <c>Receive-Job</c> returns live objects. Each job has a
/// runspace of its own that knows the cmdlet and nothing else of the session.
/// </summary>
public sealed class GptJob : Job
{
    // Of the session that starts the job, and not of its runspace.
    private static readonly string[] NotPassedOn =
    [
        "AsJob", "WhatIf", "Confirm", "OutVariable", "ErrorVariable", "WarningVariable", "InformationVariable", "PipelineVariable",
        "OutBuffer", "ProgressAction",
    ];

    private readonly Runspace _runspace;
    private readonly PowerShell _shell;

    private GptJob(string command, Runspace runspace)
        : base(command)
    {
        PSJobTypeName = nameof(GptJob);
        _runspace = runspace;
        _shell = PowerShell.Create();
        _shell.Runspace = runspace;
        var streams = _shell.Streams;
        (streams.Error, streams.Warning, streams.Information) = (Error, Warning, Information);
        (streams.Verbose, streams.Debug, streams.Progress) = (Verbose, Debug, Progress);
        _shell.InvocationStateChanged += OnStateChanged;
    }

    /// <inheritdoc/>
    public override string StatusMessage => "";

    /// <inheritdoc/>
    public override string Location => "localhost";

    /// <inheritdoc/>
    public override bool HasMoreData => Output.Count + Error.Count + Warning.Count + Information.Count + Verbose.Count + Debug.Count > 0;

    /// <summary>Starts a job that runs a cmdlet as it was called, and adds it to the session's jobs.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="parameters">
    /// Parameters in place of those that the cmdlet was called with: paths resolved, the pipeline's input collected;
    /// <see langword="null"/> takes a parameter away.
    /// </param>
    internal static GptJob Start(PSCmdlet cmdlet, IEnumerable<KeyValuePair<string, object?>> parameters)
    {
        var state = InitialSessionState.CreateDefault2();
        string name = cmdlet.MyInvocation.MyCommand.Name;
        state.Commands.Add(new SessionStateCmdletEntry(name, cmdlet.GetType(), helpFileName: null));
        var job = new GptJob(cmdlet.MyInvocation.Line.Trim(), RunspaceFactory.CreateRunspace(state));
        cmdlet.JobRepository.Add(job);
        job.Run(name, cmdlet, parameters);
        return job;
    }

    /// <summary>Stops the cmdlet, and returns when it has stopped.</summary>
    public override void StopJob() => _shell.Stop();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _shell.Dispose();
            _runspace.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Run(string name, PSCmdlet cmdlet, IEnumerable<KeyValuePair<string, object?>> parameters)
    {
        _runspace.Open();
        string folder = cmdlet.SessionState.Path.CurrentFileSystemLocation.ProviderPath;
        _runspace.SessionStateProxy.Path.SetLocation(WildcardPattern.Escape(folder));
        var all = cmdlet.MyInvocation.BoundParameters.ToDictionary(pair => pair.Key, pair => (object?)pair.Value);
        foreach (var (parameter, value) in parameters) all[parameter] = value;
        _shell.AddCommand(name);
        foreach (var (parameter, value) in all.Where(pair => pair.Value is not null && !NotPassedOn.Contains(pair.Key)))
        {
            _shell.AddParameter(parameter, value);
        }

        _shell.BeginInvoke(new PSDataCollection<PSObject>(Array.Empty<PSObject>()), Output);
    }

    private void OnStateChanged(object? sender, PSInvocationStateChangedEventArgs change)
    {
        var (state, reason) = (change.InvocationStateInfo.State, change.InvocationStateInfo.Reason);
        if (state == PSInvocationState.Failed && reason is not null)
        {
            var record = (reason as IContainsErrorRecord)?.ErrorRecord;
            Error.Add(record ?? new ErrorRecord(reason, "JobFailed", ErrorCategory.NotSpecified, this));
        }

        switch (state)
        {
            case PSInvocationState.Running: SetJobState(JobState.Running); break;
            case PSInvocationState.Stopping: SetJobState(JobState.Stopping); break;
            case PSInvocationState.Stopped: SetJobState(JobState.Stopped); break;
            case PSInvocationState.Completed: SetJobState(JobState.Completed); break;
            case PSInvocationState.Failed: SetJobState(JobState.Failed); break;
        }
    }
}
