using System.Management.Automation;
using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>Shows how far two models have come that measure the same texts side by side.</summary>
/// <param name="command">The cmdlet that compares.</param>
/// <param name="reference">The name of the reference model.</param>
/// <param name="other">The name of the other model.</param>
internal sealed class ComparisonReporter(Cmdlet command, string reference, string other)
{
    private readonly ProgressBar _bar = new(command, $"Comparing {other} with {reference}", TimeSpan.FromSeconds(1));
    private readonly double[] _fractions = new double[2];

    /// <summary>Receives what the reference model has measured.</summary>
    public IProgress<EvaluationProgress> Reference => new Part(this, 0);

    /// <summary>Receives what the other model has measured.</summary>
    public IProgress<EvaluationProgress> Other => new Part(this, 1);

    /// <summary>Removes the progress bar.</summary>
    public void Complete() => _bar.Complete();

    private void Report(int model, EvaluationProgress value)
    {
        _fractions[model] = value.Fraction;
        if (!_bar.IsDue) return;
        double done = _fractions.Average();
        TimeSpan? left = done > 0 ? value.Elapsed * ((1 - done) / done) : null;
        string status = FormattableString.Invariant($"{value.Metrics.TokenCount:N0} tokens, {value.TokensPerSecond:N0} tokens/s");
        _bar.Draw(status, (int)(100 * done), left);
    }

    private sealed class Part(ComparisonReporter reporter, int model) : IProgress<EvaluationProgress>
    {
        public void Report(EvaluationProgress value) => reporter.Report(model, value);
    }
}
