using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Corpora;
using MLNet.Gpt.Evaluation.Metrics;
using MLNet.Gpt.Evaluation.Scoring;
using MLNet.Gpt.IO;

namespace MLNet.Gpt;

/// <summary>Reads the result files that <see cref="CorpusEvaluator"/> writes.</summary>
public static class CorpusResults
{
    /// <summary>
    /// Merges the shards of a corpus; the result equals that of evaluating the whole, to the last bit.
    /// </summary>
    /// <param name="resultFiles">The files of all shards, in any order.</param>
    /// <exception cref="ArgumentException">
    /// There are no files, the files belong to different models, options, corpora or splits, two belong to the same
    /// shard, or a shard is missing.
    /// </exception>
    /// <exception cref="InvalidDataException">A file is damaged, or its shard is not complete.</exception>
    public static CorpusEvaluation Merge(IEnumerable<string> resultFiles)
    {
        string[] files = [.. resultFiles];
        var header = Validate(files);
        var metrics = new LanguageModelMetrics(LossSummary.Empty, header.VocabularySize);
        var statistics = new TokenStatistics();
        var units = new UnitSums();
        foreach (string file in files)
        {
            foreach (var chunk in ReadChunks(file))
            {
                metrics += chunk.Metrics;
                statistics.Add(chunk.Statistics);
                units.Add(chunk.Documents);
            }
        }

        return new(metrics.With(units), statistics, CorpusShard.Whole, files.Length == 1 ? files[0] : null);
    }

    /// <summary>
    /// Reads the documents of a corpus in order, with their tokens if they were kept. A document whose parts are in
    /// different shards is reassembled.
    /// </summary>
    /// <inheritdoc cref="Merge" path="/param|/exception"/>
    public static IEnumerable<DocumentResult> ReadDocuments(IEnumerable<string> resultFiles)
    {
        string[] files = [.. resultFiles];
        Validate(files);
        return DocumentAssembly.Of(InOrder(files).SelectMany(chunk => chunk.Documents));
    }

    /// <summary>
    /// Checks that two measurements are of the same documents, with the same text predicted, so that
    /// <see cref="PairedComparison"/> can compare them. Models and windows may differ.
    /// </summary>
    /// <param name="first">The files of all shards of one measurement, in any order.</param>
    /// <param name="second">Those of the other.</param>
    /// <exception cref="ArgumentException">
    /// The corpora differ, or whether documents are joined, preceded by a start token or read with special tokens. Or
    /// the files of a measurement cannot be merged.
    /// </exception>
    /// <exception cref="InvalidDataException">A file is damaged, or its shard is not complete.</exception>
    public static void RequireSameText(IEnumerable<string> first, IEnumerable<string> second)
    {
        string[] left = [.. first], right = [.. second];
        var (one, other) = (Validate(left), Validate(right));
        string? difference = one.Corpus != other.Corpus ? "corpora"
            : one.TextSettings != other.TextSettings ? $"options ({one.TextSettings} and {other.TextSettings})"
            : null;
        if (difference is not null)
        {
            throw new ArgumentException(
                $"'{left[0]}' and '{right[0]}' cannot be compared: they have different {difference}.", nameof(second));
        }
    }

    /// <summary>Whether a file begins as <see cref="CorpusEvaluator"/> begins its result files.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be read.</exception>
    public static bool IsResultFile(string path)
    {
        using var stream = ReadableFile.OpenStream(path, FileShare.ReadWrite);
        try
        {
            return ResultLines.Read(stream, path).FirstOrDefault().Line?.Header is { Detail: not ResultHeader.TaskDetail };
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private static IEnumerable<ChunkResult> InOrder(string[] files)
    {
        var shards = files.Select(file => ReadChunks(file).GetEnumerator()).ToArray();
        try
        {
            var heads = new PriorityQueue<IEnumerator<ChunkResult>, long>();
            foreach (var shard in shards) Advance(shard);
            while (heads.TryDequeue(out var shard, out _))
            {
                yield return shard.Current;
                Advance(shard);
            }

            void Advance(IEnumerator<ChunkResult> shard)
            {
                if (shard.MoveNext()) heads.Enqueue(shard, shard.Current.Index);
            }
        }
        finally
        {
            foreach (var shard in shards) shard.Dispose();
        }
    }

    /// <summary>Reads the chunks of a file in order.</summary>
    /// <exception cref="InvalidDataException">A line is damaged.</exception>
    internal static IEnumerable<ChunkResult> ReadChunks(string file)
    {
        ResultHeader? header = null;
        using var stream = ReadableFile.OpenStream(file, FileShare.ReadWrite);
        foreach (var (line, _) in ResultLines.Read(stream, file))
        {
            header ??= line.Header;
            if (line.Piece is { } chunk) yield return ResultLines.ToResult(chunk, header!, file);
        }
    }

    /// <summary>Checks that files are the complete shards of one measurement, and returns their header.</summary>
    /// <param name="files">The files.</param>
    /// <param name="detail">The detail that the files must have; <see langword="null"/> for any of a corpus.</param>
    internal static ResultHeader Validate(string[] files, string? detail = null)
    {
        if (files.Length == 0) throw new ArgumentException("There are no result files to merge.", nameof(files));
        var headers = new List<ResultHeader>();
        var shards = new Dictionary<int, string>();
        foreach (string file in files)
        {
            var header = ReadHeader(file);
            bool isOfTask = header.Detail == ResultHeader.TaskDetail;
            if (isOfTask != (detail == ResultHeader.TaskDetail))
            {
                throw new InvalidDataException($"'{file}' has the results of a {(isOfTask ? "task" : "corpus")}.");
            }

            if (headers.Count > 0 && headers[0].DifferenceFrom(header) is { } difference)
            {
                throw new ArgumentException(
                    $"'{files[0]}' and '{file}' cannot be merged: they have different {difference}.", nameof(files));
            }

            if (headers.Count > 0 && headers[0].ShardCount != header.ShardCount)
            {
                throw new ArgumentException(
                    $"'{files[0]}' is one of {Quantity.Of(headers[0].ShardCount, "shard")} and '{file}' one of {header.ShardCount}; "
                    + "they overlap.",
                    nameof(files));
            }

            if (!shards.TryAdd(header.Shard, file))
            {
                throw new ArgumentException(
                    $"'{shards[header.Shard]}' and '{file}' are both of shard {header.Shard + 1} of {header.ShardCount}.", nameof(files));
            }

            headers.Add(header);
        }

        int[] missing = [.. Enumerable.Range(0, headers[0].ShardCount).Except(shards.Keys)];
        return missing.Length == 0
            ? headers[0]
            : throw new ArgumentException(
                $"Of {headers[0].ShardCount} shards, shard {string.Join(", ", missing.Select(shard => shard + 1))} is missing.",
                nameof(files));
    }

    // Returns the header of a complete file.
    private static ResultHeader ReadHeader(string file)
    {
        ResultHeader? header = null;
        bool isComplete = false;
        using var stream = ReadableFile.OpenStream(file, FileShare.ReadWrite);
        foreach (var (line, _) in ResultLines.Read(stream, file))
        {
            header ??= line.Header;
            isComplete |= line.End is not null;
        }

        if (header is null) throw new InvalidDataException($"'{file}' is empty.");
        return isComplete
            ? header
            : throw new InvalidDataException(
                $"'{file}' is not complete: shard {header.Shard + 1} of {header.ShardCount} was interrupted; run it again to finish it.");
    }
}
