namespace MLNet.Gpt;

/// <summary>How far an evaluation is.</summary>
/// <param name="Metrics">The metrics of what is done, what an earlier run did among it.</param>
/// <param name="Fraction">How much of the corpus's text is done, from 0 to 1.</param>
/// <param name="TokensPerSecond">Targets scored a second in this run.</param>
/// <param name="Elapsed">Time of this run.</param>
/// <param name="TimeLeft">Estimated from this run's pace; <see langword="null"/> where there is none yet.</param>
public sealed record EvaluationProgress(LanguageModelMetrics Metrics, double Fraction, double TokensPerSecond, TimeSpan Elapsed, TimeSpan? TimeLeft);
