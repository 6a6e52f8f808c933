using MLNet.Gpt.Data;
using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt.Tests.Data;

public class TokenBatchesTests
{
    private static TokenWindows Windows(int count) => new(Enumerable.Range(0, (3 * count) + 1).ToArray(), contextLength: 3);

    [Fact]
    public void A_batch_contains_its_windows_row_by_row()
    {
        var batch = new TokenBatches(Windows(4), batchSize: 2).InOrder().Last();
        Assert.Equal((2, 3), (batch.BatchSize, batch.Length));
        Assert.Equal([6, 7, 8, 9, 10, 11], batch.Inputs);
        Assert.Equal([7, 8, 9, 10, 11, 12], batch.Targets);
    }

    [Theory]
    [InlineData(7, 2, true, new[] { 2, 2, 2 })]
    [InlineData(7, 2, false, new[] { 2, 2, 2, 1 })]
    [InlineData(6, 2, true, new[] { 2, 2, 2 })]
    [InlineData(1, 4, false, new[] { 1 })]
    public void The_last_batch_is_dropped_or_smaller(int windows, int batchSize, bool dropLast, int[] sizes)
    {
        var batches = new TokenBatches(Windows(windows), batchSize, dropLast);
        Assert.Equal(sizes.Length, batches.Count);
        Assert.Equal(sizes, batches.InOrder().Select(batch => batch.BatchSize));
        Assert.Equal(sizes, batches.Shuffled(1).Select(batch => batch.BatchSize));
    }

    [Fact]
    public void An_incomplete_window_forms_a_separate_batch()
    {
        var windows = new TokenWindows(Enumerable.Range(0, 12).ToArray(), contextLength: 3, keepIncomplete: true);
        var batches = new TokenBatches(windows, batchSize: 2);
        Assert.Equal([(2, 3), (1, 3), (1, 2)], batches.InOrder().Select(batch => (batch.BatchSize, batch.Length)));
        Assert.Equal(3, batches.Count);
        Assert.Equal([11], new TokenBatches(new TokenWindows(new[] { 0, 11 }, 3, keepIncomplete: true), 2).InOrder().Single().Targets);
    }

    [Fact]
    public void A_shuffled_epoch_contains_every_window_once()
    {
        var batches = new TokenBatches(Windows(100), batchSize: 7);
        int[] inputs = [.. batches.Shuffled(42).SelectMany(batch => batch.Inputs)];
        Assert.NotEqual(Enumerable.Range(0, 300), inputs);
        Assert.Equal(Enumerable.Range(0, 300), inputs.Order());
    }

    [Fact]
    public void The_order_depends_only_on_the_seed_and_the_epoch()
    {
        var batches = new TokenBatches(Windows(50), batchSize: 5);
        Assert.Equal(Order(1, 0), Order(1, 0));
        Assert.NotEqual(Order(1, 0), Order(1, 1));
        Assert.NotEqual(Order(1, 0), Order(2, 0));
        Assert.NotEqual(Order(1, 1), Order(2, 0));

        IEnumerable<int> Order(long seed, int round) => batches.Shuffled(seed, round).SelectMany(batch => batch.Inputs);
    }

    [Fact]
    public void Every_window_comes_first_about_equally_often()
    {
        var batches = new TokenBatches(Windows(5), batchSize: 1);
        int[] counts = new int[5];
        for (int round = 0; round < 5000; round++) counts[batches.Shuffled(9, round).First().Inputs[0] / 3]++;
        Assert.All(counts, count => Assert.InRange(count, 1000 - 150, 1000 + 150)); // 5 standard deviations
    }

    [Fact]
    public void A_batch_size_that_leaves_no_batch_is_an_error_that_names_it()
    {
        Assert.Contains(
            "batchSize is 0; it must be at least 1",
            Assert.Throws<ArgumentOutOfRangeException>(() => new TokenBatches(Windows(3), 0)).Message);
        Assert.Contains(
            "3 windows cannot fill a batch of 4",
            Assert.Throws<ArgumentException>(() => new TokenBatches(Windows(3), 4, dropLast: true)).Message);
    }

    [Fact] // The published sequence of the generator for the seed 1234567.
    public void The_generator_gives_the_published_numbers()
    {
        var random = new SplitMix64(1234567);
        ulong[] numbers = [random.Next(), random.Next(), random.Next(), random.Next(), random.Next()];
        Assert.Equal(
            [6457827717110365317UL, 3203168211198807973UL, 9817491932198370423UL, 4593380528125082431UL, 16408922859458223821UL], numbers);
    }
}
