using System.Diagnostics;
using MLNet.Gpt.Evaluation.Corpora;
using MLNet.Gpt.Evaluation.Tasks;

namespace MLNet.Gpt;

/// <summary>The evaluation of a task, or of one shard of it.</summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class TaskEvaluation
{
    internal TaskEvaluation(IReadOnlyList<TaskResult> results, CorpusShard shard, string? resultFile) =>
        (Results, Metrics, Shard, ResultFile) = (results, TaskMetrics.OfAll(results), shard, resultFile);

    /// <summary>The figures: exact sums over the questions, independent of batches, threads, shards and interruptions.</summary>
    public TaskMetrics Metrics { get; }

    /// <summary>What was answered to each question, in order.</summary>
    public IReadOnlyList<TaskResult> Results { get; }

    /// <summary>The shard that was evaluated: every <see cref="CorpusShard.Count"/>th question.</summary>
    public CorpusShard Shard { get; }

    /// <summary>The result file; <see langword="null"/> if none was written.</summary>
    public string? ResultFile { get; }

    /// <summary>Merges the shards of a task; the result equals that of evaluating the whole, to the last bit.</summary>
    /// <param name="resultFiles">The files of all shards, in any order.</param>
    /// <exception cref="ArgumentException">
    /// There are no files, the files belong to different models, options, tasks or splits, two belong to the same shard, or a shard is
    /// missing.
    /// </exception>
    /// <exception cref="InvalidDataException">A file is damaged, not of a task, or its shard is not complete.</exception>
    public static TaskEvaluation Merge(IEnumerable<string> resultFiles)
    {
        string[] files = [.. resultFiles];
        CorpusResults.Validate(files, ResultHeader.TaskDetail);
        TaskResult[] results = [.. files.SelectMany(TaskLines.Read).OrderBy(result => result.Index)];
        return new(results, CorpusShard.Whole, files.Length == 1 ? files[0] : null);
    }

    /// <summary>The main figures, and the shard if it is not the whole task.</summary>
    public override string ToString() => Shard.Count == 1 ? Metrics.ToString() : $"shard {Shard}: {Metrics}";
}
