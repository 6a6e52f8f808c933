using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Tests.Inference;

public class CandidateMemoryTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(385)]
    [InlineData(1009)]
    public void The_candidates_are_the_greatest_logits_with_lower_ids_first(int count)
    {
        // An embedding of few distinct values: many equal logits.
        var config = GptModelTests.Odd with { VocabularySize = 1009, EmbeddingWidth = 3, HeadCount = 1, LayerCount = 1 };
        var random = RandomWeights.Of(config);
        var weights = WeightNames.For(config).ToDictionary(entry => entry.Name, entry => random[entry.Name].ToArray());
        float[] head = weights[WeightNames.TokenEmbedding];
        for (int i = 0; i < head.Length; i++) head[i] = MathF.Round(head[i] * 50) / 50;
        using var model = GptModel.FromWeights(new GptWeights(config, weights), new CountingTokenizer(1009), new() { ThreadCount = 4 });
        int[] ids = RandomWeights.Ids(config, 90);
        float[] logits = model.ComputeLogits(ids);
        var details = new PredictionDetails(90, hasEntropy: true, count);
        var batch = new ScoringBatch { Inputs = ids, Targets = ids, Lengths = [90], Scores = new TokenScore[90], Details = details };
        model.Score(batch, Cancellation);
        int equal = 0;
        for (int row = 0; row < 90; row++)
        {
            float[] ofRow = logits[(row * 1009)..((row + 1) * 1009)];
            int[] best = [.. Enumerable.Range(0, 1009).OrderByDescending(id => ofRow[id]).ThenBy(id => id).Take(count)];
            Assert.Equal(best, details.CandidateIds[(row * count)..((row + 1) * count)]);
            equal += best.Zip(best.Skip(1)).Count(pair => ofRow[pair.First] == ofRow[pair.Second]);
        }

        Assert.True(count == 1 || equal > 0);
    }

    [Fact]
    public void A_thousand_candidates_take_only_a_few_times_the_memory_of_the_result()
    {
        const int Rows = 64, Count = 1000;
        var config = new GptConfig
        {
            VocabularySize = 50257, ContextLength = Rows, EmbeddingWidth = 4, HeadCount = 1, LayerCount = 1, HasTiedHead = true,
        };
        var tokenizer = new CountingTokenizer(config.VocabularySize);
        using var model = GptModel.FromWeights(RandomWeights.Of(config), tokenizer, new() { ThreadCount = 2 });
        int[] ids = RandomWeights.Ids(config, Rows);
        var details = new PredictionDetails(Rows, hasEntropy: false, Count);
        var scores = new TokenScore[Rows];
        long before = GC.GetAllocatedBytesForCurrentThread();
        model.Score(new ScoringBatch { Inputs = ids, Targets = ids, Lengths = [Rows], Scores = scores, Details = details }, Cancellation);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(allocated, 0, 4 * Rows * Count * 8);
    }
}
