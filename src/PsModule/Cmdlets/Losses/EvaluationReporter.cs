using System.Management.Automation;
using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>Shows the progress of an evaluation, on the pipeline's thread.</summary>
/// <param name="command">The cmdlet that measures.</param>
/// <param name="name">The name of the model.</param>
internal sealed class EvaluationReporter(Cmdlet command, string name) : IProgress<EvaluationProgress>
{
    private readonly ProgressBar _bar = new(command, $"Measuring with {name}");

    /// <inheritdoc/>
    public void Report(EvaluationProgress value)
    {
        var (tokens, loss) = (value.Metrics.TokenCount, value.Metrics.CrossEntropy);
        string status = FormattableString.Invariant($"{tokens:N0} tokens, cross-entropy {loss:F4}, {value.TokensPerSecond:N0} tokens/s");
        _bar.Draw(status, (int)(100 * value.Fraction), value.TimeLeft);
    }

    /// <summary>Removes the progress bar.</summary>
    public void Complete() => _bar.Complete();
}
