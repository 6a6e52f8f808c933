using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt.Evaluation.Metrics;

/// <summary>
/// The sums of the units of a text that are resampled for intervals: of its documents, and of the blocks of their tokens. Memory does not
/// grow with the text: beyond <see cref="GroupCount"/> units, several share a sum, chosen by a hash of their indexes.
/// </summary>
/// <remarks>
/// Parts of a unit may come in any order and from different shards; they add up exactly in the unit's group. Groups that are drawn at
/// random vary as their units do: Wolter, "Introduction to Variance Estimation" (2007), chapter 2, the random group method.
/// </remarks>
internal sealed class UnitSums
{
    /// <summary>The greatest number of sums; a prime, and many enough that an interval is about as narrow as with any more.</summary>
    public const int GroupCount = 1009;

    /// <summary>The fewest documents that are resampled as a whole.</summary>
    public const int FewestDocuments = 30;

    /// <summary>The fewest units that are resampled.</summary>
    public const int FewestUnits = 10;

    private readonly SortedDictionary<int, LanguageModelMetrics> _documents = [], _blocks = [];
    private long _documentCount, _blockCount;

    /// <summary>Returns the sums of the blocks of one document; <see langword="null"/> if they are too few.</summary>
    public static UnitSums? OfDocument(IReadOnlyList<BlockResult> blocks)
    {
        if (blocks.Count < FewestUnits) return null;
        var sums = new UnitSums();
        sums.AddBlocks(0, blocks);
        return sums._blockCount < FewestUnits ? null : sums;
    }

    /// <summary>Adds documents, or the parts of them that are in a chunk.</summary>
    public void Add(IEnumerable<DocumentResult> parts)
    {
        foreach (var part in parts)
        {
            AddDocument(part.Index, part.Metrics);
            AddBlocks(part.Index, part.Blocks);
        }
    }

    /// <summary>Adds a document of which only the metrics are known.</summary>
    public void Add(long index, LanguageModelMetrics document)
    {
        AddDocument(index, document);
        if (document.Units is { } own)
        {
            foreach (var (block, metrics) in own._blocks) Add(_blocks, Group(index, block), metrics);
            _blockCount += own._blockCount;
        }
        else
        {
            AddBlocks(index, [new(0, document)]);
        }
    }

    /// <summary>Returns the intervals of the metrics of all units; <see langword="null"/> if there are too few.</summary>
    public LossEstimates? Estimate(LanguageModelMetrics total, BootstrapOptions options)
    {
        bool areDocuments = _documentCount >= FewestDocuments;
        if (!areDocuments && _blockCount < FewestUnits) return null;
        var groups = areDocuments ? _documents : _blocks;
        return new(
            total, [.. groups.Values], areDocuments ? _documentCount : _blockCount, areDocuments ? null : BlockResult.Length, options);
    }

    private void AddDocument(long index, LanguageModelMetrics metrics)
    {
        if (metrics.TokenCount == 0) return;
        Add(_documents, Group(0, index), metrics);
        if (metrics.DocumentCount > 0) _documentCount++;
    }

    private void AddBlocks(long document, IReadOnlyList<BlockResult> blocks)
    {
        foreach (var block in blocks)
        {
            if (block.Metrics.TokenCount == 0) continue;
            Add(_blocks, Group(document, block.Index), block.Metrics);
            if (block.Metrics.DocumentCount > 0) _blockCount++;
        }
    }

    private static void Add(SortedDictionary<int, LanguageModelMetrics> groups, int group, LanguageModelMetrics metrics) =>
        groups[group] = groups.TryGetValue(group, out var sum) ? sum + metrics : metrics;

    // The first units of the first document, or the first documents, each have a group of their own.
    private static int Group(long document, long index) => document == 0 && index < GroupCount
        ? (int)index
        : (int)(new SplitMix64((ulong)document).Fork((ulong)index).Next() % GroupCount);
}
