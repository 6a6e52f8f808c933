using System.Diagnostics;

namespace MLNet.Gpt;

/// <summary>The measurement of a corpus, or of one shard of it.</summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class CorpusEvaluation
{
    internal CorpusEvaluation(LanguageModelMetrics metrics, TokenStatistics statistics, CorpusShard shard, string? resultFile)
    {
        Metrics = metrics;
        Statistics = statistics;
        Shard = shard;
        ResultFile = resultFile;
    }

    /// <summary>The metrics: exact sums over the targets, independent of batches, threads, shards and interruptions.</summary>
    public LanguageModelMetrics Metrics { get; }

    /// <summary>The distribution of the losses.</summary>
    public TokenStatistics Statistics { get; }

    /// <summary>The shard that was measured.</summary>
    public CorpusShard Shard { get; }

    /// <summary>The result file; <see langword="null"/> if none was written.</summary>
    public string? ResultFile { get; }

    /// <summary>The main figures, and the shard if it is not the whole corpus.</summary>
    public override string ToString() => Shard.Count == 1 ? Metrics.ToString() : $"shard {Shard}: {Metrics}";
}
