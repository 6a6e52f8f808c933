using System.Diagnostics;
using System.Management.Automation;
using MLNet.Gpt.Formats;

namespace MLNetGpt.Cmdlets;

/// <summary>Turns the reports of an export into progress, on the pipeline's thread.</summary>
/// <param name="command">The cmdlet that exports.</param>
/// <param name="name">The name of the model.</param>
internal sealed class ExportReporter(Cmdlet command, string name) : IProgress<ExportProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _nextShow = Interval; // a quick export needs no progress bar

    /// <inheritdoc/>
    public void Report(ExportProgress value)
    {
        if (_clock.Elapsed < _nextShow) return;
        _nextShow = _clock.Elapsed + Interval;
        string status = FormattableString.Invariant($"{value.Tensor}: {value.BytesWritten / 1e6:N0} of {value.TotalBytes / 1e6:N0} MB");
        command.WriteProgress(
            new ProgressRecord(0, Activity, status) { PercentComplete = (int)(100 * value.BytesWritten / value.TotalBytes) });
    }

    /// <summary>Removes the progress bar.</summary>
    public void Complete() => command.WriteProgress(new ProgressRecord(0, Activity, "Done") { RecordType = ProgressRecordType.Completed });

    private string Activity => $"Exporting {name}";
}
