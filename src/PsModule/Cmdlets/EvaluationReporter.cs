using System.Management.Automation;
using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>Shows how far an evaluation is; its reports come on the pipeline's own thread.</summary>
/// <param name="command">The cmdlet that measures.</param>
/// <param name="name">What is measured.</param>
internal sealed class EvaluationReporter(Cmdlet command, string name) : IProgress<EvaluationProgress>
{
    private string Activity => $"Measuring with {name}";

    /// <inheritdoc/>
    public void Report(EvaluationProgress value) => command.WriteProgress(new ProgressRecord(
        0, Activity, FormattableString.Invariant($"{value.Metrics.TokenCount:N0} tokens, cross-entropy {value.Metrics.CrossEntropy:F4}, {value.TokensPerSecond:N0} tokens/s"))
    {
        PercentComplete = (int)(100 * value.Fraction),
        SecondsRemaining = (int)(value.TimeLeft?.TotalSeconds ?? -1),
    });

    /// <summary>Takes the progress bar away.</summary>
    public void Complete() => command.WriteProgress(new ProgressRecord(0, Activity, "Done") { RecordType = ProgressRecordType.Completed });
}
