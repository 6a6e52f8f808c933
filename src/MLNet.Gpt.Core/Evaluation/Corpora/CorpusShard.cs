using System.Globalization;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// A part of the work on a corpus, which depends on nothing but its number: any process or machine may do it, at any time and
/// again. The corpus is cut into pieces of about 1,000 tokens, of which a shard has every <see cref="Count"/>th, so that shards
/// take about the same time, whatever the sizes of the documents.
/// </summary>
public readonly record struct CorpusShard
{
    /// <summary>A shard.</summary>
    /// <param name="index">Its number, from 0 to <paramref name="count"/> − 1.</param>
    /// <param name="count">Into how many shards the work is cut, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such shard.</exception>
    public CorpusShard(int index, int count)
    {
        _otherCount = Check.AtLeast(count, 1, nameof(count)) - 1;
        Index = Check.Between(index, 0, count - 1, nameof(index));
    }

    // So that the default value is the whole.
    private readonly int _otherCount;

    /// <summary>All of the work as one shard.</summary>
    public static CorpusShard Whole => default;

    /// <summary>Its number, from 0.</summary>
    public int Index { get; }

    /// <summary>Into how many shards the work is cut.</summary>
    public int Count => _otherCount + 1;

    /// <summary>All shards of the work.</summary>
    public static IReadOnlyList<CorpusShard> Split(int count) => [.. Enumerable.Range(0, count).Select(index => new CorpusShard(index, count))];

    /// <summary>The shard as people count, such as <c>2 of 4</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Index + 1} of {Count}");

    internal bool Has(long piece) => piece % Count == Index;
}
