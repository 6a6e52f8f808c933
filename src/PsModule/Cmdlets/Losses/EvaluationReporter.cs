using System.Management.Automation;
using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>Shows the progress of an evaluation, on the pipeline's thread.</summary>
/// <param name="command">The cmdlet that measures.</param>
/// <param name="name">The name of the model.</param>
internal sealed class EvaluationReporter(Cmdlet command, string name) : IProgress<EvaluationProgress>
{
    private string Activity => $"Measuring with {name}";

    /// <inheritdoc/>
    public void Report(EvaluationProgress value)
    {
        var (tokens, loss) = (value.Metrics.TokenCount, value.Metrics.CrossEntropy);
        string status = FormattableString.Invariant($"{tokens:N0} tokens, cross-entropy {loss:F4}, {value.TokensPerSecond:N0} tokens/s");
        command.WriteProgress(new ProgressRecord(0, Activity, status)
        {
            PercentComplete = (int)(100 * value.Fraction),
            SecondsRemaining = (int)(value.TimeLeft?.TotalSeconds ?? -1),
        });
    }

    /// <summary>Removes the progress bar.</summary>
    public void Complete() => command.WriteProgress(new ProgressRecord(0, Activity, "Done") { RecordType = ProgressRecordType.Completed });
}
