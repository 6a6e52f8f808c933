using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Tests.Inference;

public class ScoringTests
{
    private static readonly GptConfig Config = GptModelTests.Odd with { VocabularySize = 1009 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    public void A_score_is_the_log_softmax_of_the_logits(WeightPrecision precision)
    {
        using var model = NewModel(precision);
        int v = Config.VocabularySize;
        int[] ids = RandomWeights.Ids(Config, 301);
        var scores = new TokenScore[300];
        model.Score(ids.AsSpan(0, 300), ids.AsSpan(1), [300], scores, Cancellation);
        float[] logits = model.ComputeLogits(ids.AsSpan(0, 300));
        for (int t = 0; t < 300; t++)
        {
            float[] row = logits[(t * v)..((t + 1) * v)];
            double maximum = row.Max(), sum = row.Sum(logit => Math.Exp(logit - maximum));
            Assert.Equal(maximum + Math.Log(sum) - row[ids[t + 1]], scores[t].NegativeLogLikelihood, 1e-5);
            Assert.Equal(row.Count(logit => logit > row[ids[t + 1]]), scores[t].Rank);
        }
    }

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    [InlineData(WeightPrecision.Int4)]
    public void A_sequence_gets_the_same_bits_alone_and_among_others(WeightPrecision precision)
    {
        using var model = NewModel(precision);
        int[] lengths = [1, 300, 7, 0, 64, 241, 240, 2, 129, 300];
        int total = lengths.Sum();
        int[] inputs = RandomWeights.Ids(Config, total, 3), targets = RandomWeights.Ids(Config, total, 4);
        var together = new TokenScore[total];
        model.Score(inputs, targets, lengths, together, Cancellation);
        int first = 0;
        foreach (int length in lengths)
        {
            var alone = new TokenScore[length];
            model.Score(inputs.AsSpan(first, length), targets.AsSpan(first, length), [length], alone, Cancellation);
            Assert.Equal(alone, together.AsSpan(first, length));
            first += length;
        }
    }

    [Fact]
    public void The_target_with_the_greatest_logit_has_rank_0()
    {
        using var model = NewModel(WeightPrecision.Int8);
        int[] ids = RandomWeights.Ids(Config, 50);
        float[] logits = model.ComputeLogits(ids);
        int[] targets = [.. Enumerable.Range(0, 50).Select(t =>
        {
            float[] row = logits[(t * Config.VocabularySize)..((t + 1) * Config.VocabularySize)];
            return Array.IndexOf(row, row.Max());
        })];
        var scores = new TokenScore[50];
        model.Score(ids, targets, [50], scores, Cancellation);
        Assert.All(scores, score => Assert.Equal(0, score.Rank));
    }

    [Fact]
    public void Mismatched_spans_are_refused()
    {
        using var model = NewModel(WeightPrecision.Float32);
        var scores = new TokenScore[3];
        Assert.Throws<ArgumentException>(() => model.Score([1, 2, 3], [1, 2], [3], scores, Cancellation));
        Assert.Throws<ArgumentException>(() => model.Score([1, 2], [1, 2], [2], scores, Cancellation));
        Assert.Throws<ArgumentException>(() => model.Score([1, 2, 3], [1, 2, 3], [2], scores, Cancellation));
        Assert.Throws<ArgumentException>(() => model.Score([1, 2, 3], [1, 2, 3], [4, -1], scores, Cancellation));
        Assert.Throws<ArgumentException>(() => model.Score(new int[301], new int[301], [301], new TokenScore[301], Cancellation));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Score([1, 2, 3], [1, 2, 1009], [3], scores, Cancellation));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Score([1, -2, 3], [1, 2, 3], [3], scores, Cancellation));
        model.Score([], [], [], [], Cancellation);
    }

    [Theory]
    [InlineData(WeightPrecision.Float32, float.NaN)]
    [InlineData(WeightPrecision.BFloat16, float.NaN)]
    [InlineData(WeightPrecision.Int8, float.NaN)]
    [InlineData(WeightPrecision.Int4, float.NaN)]
    [InlineData(WeightPrecision.Int8, float.PositiveInfinity)]
    public void A_broken_weight_is_reported_and_not_scored(WeightPrecision precision, float broken)
    {
        var sound = RandomWeights.Of(Config);
        var arrays = WeightNames.For(Config).ToDictionary(entry => entry.Name, entry => sound[entry.Name].ToArray());
        arrays[WeightNames.FeedForwardIn(1)][77] = broken;
        var tokenizer = new CountingTokenizer(Config.VocabularySize);
        using var model = GptModel.FromWeights(new GptWeights(Config, arrays), tokenizer, new() { Precision = precision });
        var error = Assert.Throws<InvalidOperationException>(() => model.Score([1, 2, 3], [2, 3, 4], [3], new TokenScore[3], Cancellation));
        Assert.Contains("not a number", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_short_texts_get_the_same_details_and_ends_on_any_number_of_threads()
    {
        const int Texts = 60, Tokens = 6;
        int[] inputs = RandomWeights.Ids(Config, Texts * Tokens, 3), targets = RandomWeights.Ids(Config, Texts * Tokens, 4);
        for (int i = 0; i < targets.Length; i += 5) targets[i] = -1;
        int count = targets.Count(target => target >= 0);
        TokenScore[]? expected = null;
        (PredictionDetails Details, EndStates Ends)? first = null;
        foreach (int threads in (int[])[1, 2, 5])
        {
            using var model = GptModel.FromWeights(
                RandomWeights.Of(Config), new CountingTokenizer(Config.VocabularySize), new() { ThreadCount = threads });
            var scores = new TokenScore[count];
            var details = new PredictionDetails(count + 1, hasEntropy: true, candidateCount: 3);
            var ends = new EndStates(Texts);
            var batch = new ScoringBatch
            {
                Inputs = inputs,
                Targets = targets,
                Lengths = Enumerable.Repeat(Tokens, Texts).ToArray(),
                Scores = scores,
                Details = details,
                FirstDetail = 1,
                Ends = ends,
            };
            model.Score(batch, Cancellation);
            expected ??= scores;
            first ??= (details, ends);
            Assert.Equal(expected, scores);
            Assert.Equal(first.Value.Details.Entropies, details.Entropies);
            Assert.Equal(first.Value.Details.CandidateIds, details.CandidateIds);
            Assert.Equal(first.Value.Details.CandidateLogProbabilities, details.CandidateLogProbabilities);
            Assert.Equal(first.Value.Ends.States, ends.States);
            int length = Config.EmbeddingWidth + Config.VocabularySize;
            Assert.All(ends.States, (state, i) => Assert.Equal(i % 2 == 0 ? length : 0, state.Length));
        }
    }

    private static GptModel NewModel(WeightPrecision precision) =>
        GptModel.FromWeights(RandomWeights.Of(Config), new CountingTokenizer(Config.VocabularySize), new() { Precision = precision });

    private sealed class EndStates(int count) : SequenceEnds
    {
        public float[][] States { get; } = [.. Enumerable.Repeat(Array.Empty<float>(), count)];

        public override bool WantsLogits => true;

        public override bool IsWanted(int sequence) => sequence % 2 == 0;

        public override void Show(int sequence, ReadOnlySpan<float> hiddenState, ReadOnlySpan<float> logits) =>
            States[sequence] = [.. hiddenState, .. logits];
    }
}
