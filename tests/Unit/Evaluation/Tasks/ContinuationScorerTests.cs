using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.Evaluation.Tasks;

public sealed class ContinuationScorerTests : IDisposable
{
    private readonly GptModel _model = TinyModels.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _model.Dispose();

    // What TemplateLM._encode_pair and TemplateLM.loglikelihood of lm-evaluation-harness return for GPT-2.
    [Theory]
    [InlineData("Call me", " Ishmael.", "Call me", " Ishmael.")]
    [InlineData("Call me ", "Ishmael.", "Call me", " Ishmael.")]
    [InlineData("Call me\n\n ", "Ishmael.", "Call me", "\n\n Ishmael.")]
    [InlineData("Question: Who?\nAnswer:", " Ahab", "Question: Who?\nAnswer:", " Ahab")]
    [InlineData("", " Ishmael.", "<|endoftext|>", " Ishmael.")]
    [InlineData("", "<|endoftext|>Ishmael.", "<|endoftext|>", "Ishmael.")]
    [InlineData("  ", "Ishmael.", "<|endoftext|>", "  Ishmael.")]
    [InlineData("<|endoftext|>Call", " me", "<|endoftext|>Call", " me")]
    public void A_pair_is_encoded_together_and_divided_after_the_context(
        string context, string continuation, string expectedContext, string expectedContinuation)
    {
        using var model = NewGpt2();
        var (before, after) = new ContinuationScorer(model).Encode(context, continuation, Cancellation);
        Assert.Equal(expectedContext, Gpt2Tokenizer.Instance.Decode(before));
        Assert.Equal(expectedContinuation, Gpt2Tokenizer.Instance.Decode(after));
    }

    [Fact]
    public void Tokens_that_both_would_share_belong_to_the_side_that_their_number_says()
    {
        // " uncommon" is one token, of which the context has the beginning: its 2 tokens are as many as "An uncommon" has.
        using var model = NewGpt2();
        var tokenizer = Gpt2Tokenizer.Instance;
        int[] context = tokenizer.Encode("An un"), whole = tokenizer.Encode("An uncommon man");
        var (before, after) = new ContinuationScorer(model).Encode("An un", "common man", Cancellation);
        Assert.Equal(context, before);
        Assert.Equal(whole[context.Length..], after);
    }

    [Fact]
    public void The_token_that_begins_a_text_precedes_a_context_once()
    {
        using var model = NewGpt2();
        var scorer = new ContinuationScorer(model, new() { AddBeginningOfText = true });
        Assert.Equal([50256, .. Gpt2Tokenizer.Instance.Encode("Call")], scorer.Encode("Call", " me", Cancellation).Context);
        Assert.Equal([50256, .. Gpt2Tokenizer.Instance.Encode("Call")], scorer.Encode("<|endoftext|>Call", " me", Cancellation).Context);
        Assert.Equal([50256], scorer.Encode("", "Call me", Cancellation).Context);
        var literal = new ContinuationScorer(model, new() { SpecialTokens = SpecialTokens.Literal });
        Assert.DoesNotContain(50256, literal.Encode("<|endoftext|>Call", " me", Cancellation).Context);
    }

    [Fact]
    public void Of_a_pair_that_is_too_long_the_last_tokens_are_used()
    {
        // HFLM reads (context + continuation)[-(max_length + 1):][:-1].
        string context = TinyModels.Text(200, 1), continuation = " " + TinyModels.Text(5, 2);
        int window = _model.Config.ContextLength;
        var score = new ContinuationScorer(_model).Score(context, continuation, Cancellation);
        Assert.Equal((window - 4, 200 + 5 - window - 1), (score.ContextTokenCount, score.DroppedTokenCount));
        string[] kept = [.. $"{context}{continuation}".Split(' ').TakeLast(window + 1)];
        var shorter = new ContinuationScorer(_model).Score(string.Join(' ', kept[..^5]), " " + string.Join(' ', kept[^5..]), Cancellation);
        Assert.Equal(shorter.Loss.ToExactString(), score.Loss.ToExactString());
        Assert.Equal(0, shorter.DroppedTokenCount);
        Assert.Equal(9, new ContinuationScorer(_model, new() { WindowLength = 9 }).Encode(context, " w1", Cancellation).Context.Length);
    }

    [Fact]
    public void What_cannot_be_scored_is_refused()
    {
        var scorer = new ContinuationScorer(_model);
        string tooLong = TinyModels.Text(_model.Config.ContextLength + 1, 1);
        Assert.Contains("no token of its own", Refusal("w1", ""), StringComparison.Ordinal);
        Assert.Contains("no token of its own", Refusal("", ""), StringComparison.Ordinal);
        Assert.Contains($"at most {_model.Config.ContextLength}", Refusal("w1", " " + tooLong), StringComparison.Ordinal);
        var error = Assert.Throws<ArgumentException>(() => new ContinuationScorer(_model, new() { WindowLength = 100_000 }));
        Assert.Contains("WindowLength is 100000", error.Message, StringComparison.Ordinal);
        Assert.Throws<OperationCanceledException>(() => scorer.Score("w1", " w2", new CancellationToken(canceled: true)));

        string Refusal(string context, string continuation) =>
            Assert.Throws<ArgumentException>(() => scorer.Score(context, continuation, Cancellation)).Message;
    }

    [Fact]
    public void A_sum_is_the_log_softmax_in_double_precision()
    {
        LibTorch.EnsureLoaded();
        var scorer = new ContinuationScorer(_model);
        for (int seed = 0; seed < 20; seed++)
        {
            string context = TinyModels.Text(1 + (seed * 3), seed), continuation = " " + TinyModels.Text(1 + (seed % 10), seed + 100);
            var score = scorer.Score(context, continuation, Cancellation);
            var (before, after) = scorer.Encode(context, continuation, Cancellation);
            double expected = 0;
            bool isGreedy = true;
            for (int i = 0; i < after.Length; i++)
            {
                int[] seen = [.. before, .. after[..i]];
                double[] logits = [.. _model.ComputeLogits(seen, Cancellation).TakeLast(_model.Config.VocabularySize)];
                double[] logarithms = torch.nn.functional.log_softmax(torch.tensor(logits), 0).data<double>().ToArray();
                expected += logarithms[after[i]];
                isGreedy &= logarithms[after[i]] == logarithms.Max();
                Assert.Equal(logarithms[after[i]], score.Tokens[i].LogProbability, 1e-6);
            }

            Assert.Equal(1, score.LogLikelihood / expected, 1e-6);
            Assert.Equal(isGreedy, score.IsGreedy);
            Assert.Equal(after.Length, score.TokenCount);
            Assert.Equal(after, score.Tokens.Select(token => token.Id));
        }
    }

    [Fact]
    public void The_greedy_continuation_is_recognized()
    {
        var generator = new TextGenerator(_model, new() { MaxTokens = 5, Temperature = 0 });
        string context = TinyModels.Text(9, 4), greedy = generator.Generate(context, cancellationToken: Cancellation).Text;
        var scorer = new ContinuationScorer(_model);
        Assert.True(scorer.Score(context, " " + greedy.TrimStart(), Cancellation).IsGreedy);
        Assert.False(scorer.Score(context, " " + greedy.TrimStart() + " w0 w0 w1", Cancellation).IsGreedy);
    }

    [Fact]
    public async Task A_pair_has_the_same_bits_alone_and_in_a_batch_of_64()
    {
        TaskChoice[] pairs = [.. Enumerable.Range(0, 64).Select(i =>
            new TaskChoice(TinyModels.Text(i / 4 * 3, i / 4), " " + TinyModels.Text(1 + (i % 4), i)))];
        var scorer = new ContinuationScorer(_model);
        var together = await scorer.ScoreAsync(pairs, Cancellation);
        for (int i = 0; i < pairs.Length; i++)
        {
            var alone = await scorer.ScoreAsync(pairs[i].Context, pairs[i].Continuation, Cancellation);
            Assert.Equal(alone.Loss.ToExactString(), together[i].Loss.ToExactString());
            Assert.Equal(alone.Tokens.Select(TestCorpora.Flat), together[i].Tokens.Select(TestCorpora.Flat));
        }

        var choices = scorer.Score("w1 w2", [" w3", " w4 w5"], Cancellation);
        Assert.Equal(scorer.Score("w1 w2", " w4 w5", Cancellation).Loss, choices[1].Loss);
        Assert.Empty(scorer.Score([], Cancellation));
    }

    private static GptModel NewGpt2() => GptModel.FromWeights(
        TinyModels.Weights(GptPresets.Tiny with { VocabularySize = 50257 }, 1), Gpt2Tokenizer.Instance);
}
