using System.Globalization;

namespace MLNet.Gpt;

/// <summary>The progress of a <see cref="TaskEvaluator"/>.</summary>
public sealed class TaskProgress
{
    internal TaskProgress(TaskMetrics metrics, long questionCount, TimeSpan elapsed, TimeSpan? timeLeft) =>
        (Metrics, QuestionCount, Elapsed, TimeLeft) = (metrics, questionCount, elapsed, timeLeft);

    /// <summary>The metrics so far, including those of an earlier run.</summary>
    public TaskMetrics Metrics { get; }

    /// <summary>The number of questions of the task, or of the shard.</summary>
    public long QuestionCount { get; }

    /// <summary>The fraction of the questions that have been answered, from 0 to 1.</summary>
    public double Fraction => QuestionCount == 0 ? 1 : (double)Metrics.QuestionCount / QuestionCount;

    /// <summary>The time since this run began.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>An estimate from the speed of this run; <see langword="null"/> if there is none yet.</summary>
    public TimeSpan? TimeLeft { get; }

    /// <summary>The fraction and the metrics so far.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Fraction:P0}: {Metrics}");
}
