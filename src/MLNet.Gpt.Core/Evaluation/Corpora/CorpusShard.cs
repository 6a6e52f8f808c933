using System.Globalization;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// A part of the work on a corpus that is defined only by its number: any process or machine can do it, at any time and
/// repeatedly. The corpus is divided into chunks of about 1,000 tokens, and a shard has every <see cref="Count"/>th of
/// them, so that shards take about the same time whatever the sizes of the documents.
/// </summary>
public readonly struct CorpusShard
{
    /// <summary>Initializes a shard.</summary>
    /// <param name="index">The index of the shard, from 0 to <paramref name="count"/> − 1.</param>
    /// <param name="count">The number of shards, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The index or the count is out of range.</exception>
    public CorpusShard(int index, int count)
    {
        _otherCount = Check.AtLeast(count, 1, nameof(count)) - 1;
        Index = Check.Between(index, 0, count - 1, nameof(index));
    }

    // One less than the count, so that the default value is the whole.
    private readonly int _otherCount;

    /// <summary>All of the work as one shard.</summary>
    public static CorpusShard Whole => default;

    /// <summary>The index of the shard, from 0.</summary>
    public int Index { get; }

    /// <summary>The number of shards.</summary>
    public int Count => _otherCount + 1;

    /// <summary>Returns all shards.</summary>
    public static IReadOnlyList<CorpusShard> Split(int count) =>
        [.. Enumerable.Range(0, count).Select(index => new CorpusShard(index, count))];

    /// <summary>The number of the shard, from 1, such as <c>2 of 4</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Index + 1} of {Count}");

    internal bool Has(long chunk) => chunk % Count == Index;
}
