namespace MLNet.Gpt;

/// <summary>What a model made of a corpus, or of a shard of it.</summary>
/// <param name="Metrics">The metrics: exact sums over the targets, whatever the batches, threads, shards and interruptions.</param>
/// <param name="Statistics">How the losses are spread.</param>
/// <param name="Shard">Which part of the work this is.</param>
/// <param name="ResultFile">The file of results; <see langword="null"/> where none was written.</param>
public sealed record CorpusEvaluation(LanguageModelMetrics Metrics, TokenStatistics Statistics, CorpusShard Shard, string? ResultFile);
