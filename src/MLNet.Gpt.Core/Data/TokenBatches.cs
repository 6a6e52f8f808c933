using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt.Data;

/// <summary>Windows or sequences grouped into batches, in order or shuffled by a seed. Thread-safe.</summary>
/// <remarks>
/// All windows in a batch have the same length: an incomplete last window forms a separate batch. Sequences of any lengths are
/// packed.
/// </remarks>
internal sealed class TokenBatches
{
    private readonly int _completeCount;

    /// <summary>Groups windows or sequences into batches.</summary>
    /// <param name="examples">The windows or sequences.</param>
    /// <param name="batchSize">Windows or sequences per batch, B; at least 1.</param>
    /// <param name="dropLast">
    /// Whether what does not fill a batch is left out; in a shuffled epoch, different ones each time.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The batch size is below 1.</exception>
    /// <exception cref="ArgumentException">
    /// No batch is left: there are fewer windows than the batch size, and the last batch is dropped.
    /// </exception>
    public TokenBatches(IExamples examples, int batchSize, bool dropLast = false)
    {
        Examples = examples;
        BatchSize = Check.AtLeast(batchSize, 1, nameof(batchSize));
        DropLast = dropLast;
        _completeCount = examples.ShuffledCount;
        bool lastIsIncomplete = _completeCount < examples.Count;
        Count = dropLast ? _completeCount / batchSize : Quotient(_completeCount, batchSize) + (lastIsIncomplete ? 1 : 0);
        if (Count > 0) return;
        string count = Quantity.Of(_completeCount, examples is TokenWindows ? "window" : "sequence");
        throw new ArgumentException(
            $"{count} cannot fill a batch of {batchSize}, and the last batch is dropped.", nameof(batchSize));
    }

    /// <summary>What is grouped.</summary>
    public IExamples Examples { get; }

    /// <summary>Windows or sequences in a complete batch, B.</summary>
    public int BatchSize { get; }

    /// <summary>Whether what does not fill a batch is left out.</summary>
    public bool DropLast { get; }

    /// <summary>Batches per epoch; at least 1.</summary>
    public int Count { get; }

    /// <summary>What can be shuffled: all except an incomplete last one.</summary>
    public int ShuffledCount => _completeCount;

    /// <summary>Returns one epoch in the order of the text.</summary>
    public IEnumerable<TokenBatch> InOrder() => Group(Identity());

    /// <summary>
    /// Returns one epoch in an order determined by the seed and the epoch, which is the same on every machine.
    /// </summary>
    /// <param name="seed">The seed of the whole training run.</param>
    /// <param name="epoch">The epoch, so that each has a different order.</param>
    /// <param name="first">Number of batches to skip at the beginning of the epoch.</param>
    public IEnumerable<TokenBatch> Shuffled(long seed, int epoch = 0, int first = 0)
    {
        int[] order = Identity();
        new SplitMix64((ulong)seed).Fork((ulong)epoch).Shuffle(order);
        return Group(order, first);
    }

    /// <summary>Returns one epoch in the caller's order; an incomplete last window always comes last.</summary>
    /// <param name="order">The numbers from 0 to <see cref="ShuffledCount"/> − 1, each once.</param>
    /// <param name="first">Number of batches to skip at the beginning of the epoch.</param>
    public IEnumerable<TokenBatch> Ordered(int[] order, int first = 0) => Group(order, first);

    private IEnumerable<TokenBatch> Group(int[] order, int first = 0)
    {
        int complete = Math.Min(Count, Quotient(_completeCount, BatchSize));
        for (int batch = first; batch < complete; batch++)
        {
            int start = batch * BatchSize;
            yield return new TokenBatch(Examples, order.AsSpan(start, Math.Min(BatchSize, _completeCount - start)));
        }

        bool hasIncomplete = _completeCount < Examples.Count && !DropLast;
        if (hasIncomplete && first <= complete) yield return new TokenBatch(Examples, [_completeCount]);
    }

    private int[] Identity() => [.. Enumerable.Range(0, _completeCount)];

    private static int Quotient(int count, int size) => (int)(((long)count + size - 1) / size); // rounded up
}
