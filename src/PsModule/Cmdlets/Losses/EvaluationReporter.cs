using System.Diagnostics;
using System.Management.Automation;
using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>Shows the progress of evaluations that follow one another, on the pipeline's thread.</summary>
/// <param name="command">The cmdlet that measures.</param>
/// <param name="name">The name of the model.</param>
/// <param name="delay">Time before the bar is first drawn.</param>
internal sealed class EvaluationReporter(Cmdlet command, string name, TimeSpan delay = default) : IProgress<EvaluationProgress>
{
    private readonly ProgressBar _bar = new(command, $"Measuring with {name}", delay);
    private readonly Stopwatch _measuring = new();

    private LanguageModelMetrics? _before, _total;
    private bool _isWhole;

    /// <summary>Starts an evaluation; its figures are added to those of the evaluations before it.</summary>
    /// <param name="isWhole">Whether its fraction is shown: not that of one of many small evaluations.</param>
    public void Begin(bool isWhole)
    {
        _before = _total;
        _isWhole = isWhole;
        _measuring.Start();
    }

    /// <inheritdoc/>
    public void Report(EvaluationProgress value)
    {
        _total = _before is null ? value.Metrics : _before + value.Metrics;
        if (!_bar.IsDue) return;
        var (tokens, loss) = (_total.TokenCount, _total.CrossEntropy);
        string status = FormattableString.Invariant($"{tokens:N0} tokens, cross-entropy {loss:F4}, {value.TokensPerSecond:N0} tokens/s");
        _bar.Draw(status, _isWhole ? (int)(100 * value.Fraction) : -1, _isWhole ? value.TimeLeft : null);
    }

    /// <summary>Ends an evaluation.</summary>
    public void End() => _measuring.Stop();

    /// <summary>Removes the progress bar, and says how much was measured in what time.</summary>
    public void Complete()
    {
        _bar.Complete();
        if (_total is null) return;
        var (texts, tokens, seconds) = (_total.DocumentCount, _total.TokenCount, _measuring.Elapsed.TotalSeconds);
        command.WriteVerbose(FormattableString.Invariant(
            $"Measured with '{name}': texts {texts:N0}, tokens {tokens:N0}, {seconds:F2} s, {tokens / seconds:N0} tokens/s."));
    }
}
