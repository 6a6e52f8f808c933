using System.Globalization;

namespace MLNet.Gpt;

/// <summary>The progress of an evaluation.</summary>
public sealed class EvaluationProgress
{
    internal EvaluationProgress(LanguageModelMetrics metrics, double fraction, double tokensPerSecond, TimeSpan elapsed, TimeSpan? timeLeft)
    {
        Metrics = metrics;
        Fraction = fraction;
        TokensPerSecond = tokensPerSecond;
        Elapsed = elapsed;
        TimeLeft = timeLeft;
    }

    /// <summary>The metrics so far, including what an earlier run has measured.</summary>
    public LanguageModelMetrics Metrics { get; }

    /// <summary>The fraction of the corpus's text that is measured, from 0 to 1.</summary>
    public double Fraction { get; }

    /// <summary>Targets per second in this run.</summary>
    public double TokensPerSecond { get; }

    /// <summary>The time since this run began.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>An estimate from the speed of this run; <see langword="null"/> if there is none yet.</summary>
    public TimeSpan? TimeLeft { get; }

    /// <summary>The fraction, the loss and the speed, such as <c>25 %: 3.2109 nats per token, …, 1,024 tokens/s</c>.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Fraction:P0}: {Metrics.Loss}, {TokensPerSecond:N0} tokens/s");
}
