using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How the questions of a task are encoded and scored.</summary>
public sealed record TaskOptions
{
    /// <summary>Which tokens of a question are scored.</summary>
    /// <value><see cref="TaskConvention.Harness"/>.</value>
    public TaskConvention Convention { get; init => field = Check.Defined(value, nameof(Convention)); } = TaskConvention.Harness;

    /// <summary>How pairs of a context and a continuation are encoded.</summary>
    public ContinuationOptions Continuations { get; init; } = new();

    /// <summary>How texts are measured.</summary>
    /// <value><see cref="ScoringOptions.RollingWindows"/>, as lm-evaluation-harness measures them.</value>
    public ScoringOptions Texts { get; init; } = ScoringOptions.RollingWindows;
}
