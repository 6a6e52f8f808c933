using System.Diagnostics;
using System.Management.Automation;
using MLNet.Gpt.Formats;

namespace MLNetGpt.Cmdlets;

/// <summary>Turns an export's reports, which come on the pipeline's own thread, into progress.</summary>
/// <param name="command">The cmdlet that exports.</param>
/// <param name="name">What is exported.</param>
internal sealed class ExportReporter(Cmdlet command, string name) : IProgress<ExportProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _nextShow = Interval; // what is written at once needs no bar

    /// <inheritdoc/>
    public void Report(ExportProgress value)
    {
        if (_clock.Elapsed < _nextShow) return;
        _nextShow = _clock.Elapsed + Interval;
        string status = FormattableString.Invariant($"{value.Tensor}: {value.BytesWritten / 1e6:N0} of {value.TotalBytes / 1e6:N0} MB");
        command.WriteProgress(new ProgressRecord(0, Activity, status) { PercentComplete = (int)(100 * value.BytesWritten / value.TotalBytes) });
    }

    /// <summary>Takes the progress bar away.</summary>
    public void Complete() => command.WriteProgress(new ProgressRecord(0, Activity, "Done") { RecordType = ProgressRecordType.Completed });

    private string Activity => $"Exporting {name}";
}
