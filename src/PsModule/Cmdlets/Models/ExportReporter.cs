using System.Management.Automation;
using MLNet.Gpt.Formats;

namespace MLNetGpt.Cmdlets;

/// <summary>Turns the reports of an export into progress, on the pipeline's thread.</summary>
/// <param name="command">The cmdlet that exports.</param>
/// <param name="name">The name of the model.</param>
internal sealed class ExportReporter(Cmdlet command, string name) : IProgress<ExportProgress>
{
    private readonly ProgressBar _bar = new(command, $"Exporting {name}", TimeSpan.FromMilliseconds(200));

    /// <inheritdoc/>
    public void Report(ExportProgress value)
    {
        if (!_bar.IsDue) return;
        string status = FormattableString.Invariant($"{value.Tensor}: {value.BytesWritten / 1e6:N0} of {value.TotalBytes / 1e6:N0} MB");
        _bar.Draw(status, (int)(100 * value.BytesWritten / value.TotalBytes));
    }

    /// <summary>Removes the progress bar.</summary>
    public void Complete() => _bar.Complete();
}
