using MLNet.Gpt.Evaluation.Tasks;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Evaluation.Tasks;

public class ContinuationBatchTests
{
    private static readonly GptConfig Config = GptModelTests.Odd with { VocabularySize = 211, ContextLength = 520 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(WeightPrecision.Float32, 1)]
    [InlineData(WeightPrecision.Float32, 2)]
    [InlineData(WeightPrecision.Int8, 2)]
    [InlineData(WeightPrecision.Int4, 1)]
    public void Continuations_that_share_a_context_have_the_same_bits_as_alone(WeightPrecision precision, int threads)
    {
        using var model = NewModel(Config, precision, threads);
        var pairs = Pairs(Config);
        var together = ContinuationBatch.Score(model, pairs, Cancellation);
        for (int i = 0; i < pairs.Count; i++) Assert.Equal(Alone(model, pairs[i]), together[i]);
    }

    [Fact]
    public void A_context_is_shared_in_a_sliding_window_and_among_grouped_heads()
    {
        var config = GptPresets.TinyLlama with { VocabularySize = 211, ContextLength = 520, SlidingWindow = 100 };
        using var model = NewModel(config, WeightPrecision.Float32, 2);
        var pairs = Pairs(config);
        var together = ContinuationBatch.Score(model, pairs, Cancellation);
        for (int i = 0; i < pairs.Count; i++) Assert.Equal(Alone(model, pairs[i]), together[i]);
    }

    [Fact]
    public void The_bits_do_not_depend_on_the_width_of_the_registers()
    {
        var pairs = Pairs(Config);
        TokenScore[][]? expected = null;
        foreach (var kernels in KernelSet.All.Where(set => set.Lanes >= 8))
        {
            using var model = GptModel.FromWeights(
                RandomWeights.Of(Config, deviation: 0.1f), new CountingTokenizer(Config.VocabularySize), null, kernels);
            var scores = ContinuationBatch.Score(model, pairs, Cancellation);
            expected ??= scores;
            Assert.Equal(expected, scores);
        }
    }

    [Fact]
    public void Common_tokens_are_computed_once()
    {
        // A context of 100 tokens with 4 continuations: 99 rows together, and the last one of the context with each.
        int[] context = RandomWeights.Ids(Config, 100);
        EncodedContinuation[] pairs = [.. Enumerable.Range(0, 4).Select(i => Pair(context, [i, .. RandomWeights.Ids(Config, 9, 50 + i)]))];
        int rows = 0;
        Array.Sort(pairs, (a, b) => a.Ids.AsSpan().SequenceCompareTo(b.Ids));
        EncodedContinuation? last = null;
        foreach (var pair in pairs)
        {
            rows += pair.Ids.Length - (last is null ? 0 : ContinuationBatch.CommonCount(last, pair));
            last = pair;
        }

        Assert.Equal(100 + (4 * 10), rows);
    }

    [Fact]
    public void A_sequence_continues_only_an_earlier_one_of_its_tree()
    {
        using var model = NewModel(Config, WeightPrecision.Float32, 1);
        Score([3, 2], [-1, 0]);
        Assert.Throws<ArgumentException>(() => Score([3, 2], [-1, 1]));
        Assert.Throws<ArgumentException>(() => Score([3, 2], [1, -1]));
        Assert.Throws<ArgumentException>(() => Score([3, 2], [-1]));
        Assert.Throws<ArgumentException>(() => Score([3, 2, 1], [-1, -1, 0]));
        Assert.Throws<ArgumentException>(() => Score([0, 2], [-1, 0]));
        Assert.Throws<ArgumentException>(() => Score([519, 2], [-1, 0]));

        void Score(int[] lengths, int[] parents)
        {
            int[] ids = RandomWeights.Ids(Config, lengths.Sum());
            model.Score(
                new ScoringBatch { Inputs = ids, Targets = ids, Lengths = lengths, Parents = parents, Scores = new TokenScore[ids.Length] },
                Cancellation);
        }
    }

    /// <summary>Pairs that begin alike in many ways: also in trees of several levels, across blocks of the cache, and twice.</summary>
    internal static List<EncodedContinuation> Pairs(GptConfig config)
    {
        var pairs = new List<EncodedContinuation>();
        int[] shots = RandomWeights.Ids(config, 230, 3);
        foreach (int length in (int[])[1, 2, 5, 60, 239, 240, 241, 480])
        {
            int[] context = RandomWeights.Ids(config, length, length);
            for (int choice = 0; choice < 4; choice++) pairs.Add(Pair(context, RandomWeights.Ids(config, 1 + (choice * 5), choice)));
            pairs.Add(pairs[^1]);
            pairs.Add(Pair([.. context, 7], [1, 2, 3]));
            int[] question = [.. shots, .. context.Take(200)];
            for (int choice = 0; choice < 3; choice++) pairs.Add(Pair(question, [choice, choice + 1]));
        }

        // The same ids, of which more or fewer are the context; and a pair that begins another one.
        int[] ids = RandomWeights.Ids(config, 40, 9);
        pairs.AddRange([new(ids, 30, 0), new(ids, 1, 0), new(ids[..35], 20, 0), new(ids[..2], 1, 0)]);
        return pairs;
    }

    private static EncodedContinuation Pair(int[] context, int[] continuation) => new([.. context, .. continuation], context.Length, 0);

    private static GptModel NewModel(GptConfig config, WeightPrecision precision, int threads) => GptModel.FromWeights(
        RandomWeights.Of(config, deviation: 0.1f), new CountingTokenizer(config.VocabularySize),
        new() { Precision = precision, ThreadCount = threads });

    private static TokenScore[] Alone(GptModel model, EncodedContinuation pair)
    {
        int count = pair.Ids.Length - 1;
        var scores = new TokenScore[count];
        model.Score(pair.Ids.AsSpan(0, count), pair.Ids.AsSpan(1), [count], scores, Cancellation);
        return scores[(pair.ContextCount - 1)..];
    }
}
