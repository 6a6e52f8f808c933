using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Evaluation;

public sealed class TextScorerTests : IDisposable
{
    private static readonly GptConfig Config = GptModelTests.Odd with { VocabularySize = 50257, ContextLength = 64 };

    private readonly GptModel _model = GptModel.FromWeights(RandomWeights.Of(Config), Gpt2Tokenizer.Instance);

    public void Dispose() => _model.Dispose();

    [Theory]
    [InlineData("Every effort moves you", 22, 22, 4, 17, 17, 3)] // "Every" is not predicted, and is a word
    [InlineData("Everyday efforts move", 21, 21, 3, 16, 16, 3)] // the first token is "Every", and its word continues
    [InlineData("né né", 7, 5, 2, 6, 4, 2)] // the first token is "n", and its word continues
    [InlineData(" a b", 4, 4, 3, 2, 2, 1)] // the first token is " a": the word before the space, and "a"
    [InlineData("🙂 a", 6, 3, 2, 4, 3, 2)] // the emoji takes two tokens, of two bytes each, and is predicted with the second
    public void The_first_token_counts_only_if_a_start_token_predicts_it(
        string text, int bytes, int characters, int words, int bytesAfter, int charactersAfter, int wordsAfter)
    {
        var whole = Score(text, prependEndOfText: true);
        var rest = Score(text, prependEndOfText: false);

        Assert.Equal((bytes, characters, words), (whole.ByteCount, whole.CharacterCount, whole.WordCount));
        Assert.Equal((bytesAfter, charactersAfter, wordsAfter), (rest.ByteCount, rest.CharacterCount, rest.WordCount));
        Assert.Equal(1, whole.Loss.TokenCount - rest.Loss.TokenCount);
    }

    [Fact]
    public void Word_and_byte_perplexity_and_bits_are_those_of_lm_evaluation_harness()
    {
        string[] texts = ["Every effort moves you.", "I really like\nchocolate  ", "🙂"];
        var scores = texts.Select(text => Score(text, prependEndOfText: true)).ToArray();
        var metrics = LanguageModelMetrics.Merge(scores);

        // weighted_perplexity: exp(−Σ log-likelihood / Σ weight), the weights being len(re.split(r"\s+", text)) and len(text.encode()).
        double logLikelihood = -scores.Sum(score => score.Loss.Sum);
        const int Words = 4 + 5 + 1, Bytes = 23 + 25 + 4, Characters = 23 + 25 + 1;
        Assert.Equal(Math.Exp(-logLikelihood / Words), metrics.WordPerplexity, metrics.WordPerplexity * 1e-12);
        Assert.Equal(Math.Exp(-logLikelihood / Bytes), metrics.BytePerplexity, metrics.BytePerplexity * 1e-12);
        Assert.Equal(-logLikelihood / Bytes / Math.Log(2), metrics.BitsPerByte, 1e-12);
        Assert.Equal(-logLikelihood / Characters / Math.Log(2), metrics.BitsPerCharacter, 1e-12);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Every")]
    public void A_text_with_nothing_to_predict_has_no_size_and_no_ratio(string text)
    {
        var metrics = Score(text, prependEndOfText: false);
        Assert.Equal("0;0;0,0,0,0,0,0,1", metrics.ToExactString());
        Assert.All(
            [metrics.WordPerplexity, metrics.BytePerplexity, metrics.BitsPerByte, metrics.BitsPerCharacter],
            figure => Assert.Equal(double.NaN, figure));
    }

    [Fact]
    public void A_batch_is_scored_row_by_row_and_negative_targets_are_left_out()
    {
        var scorer = new TextScorer(_model);
        int[] ids = Gpt2Tokenizer.Instance.Encode("Every effort moves you 🙂 né"), other = Gpt2Tokenizer.Instance.Encode(
            "I really like chocolate");
        int[] targets = [.. ids[1..]];
        targets[0] = targets[^1] = -1;
        var rows = scorer.ScoreBatch(
            [ids[..^1], other[..^1]], [targets, other[1..]], new() { CandidateCount = 2 }, TestContext.Current.CancellationToken);

        var whole = scorer.ScoreTokens(ids, new() { CandidateCount = 2 }, TestContext.Current.CancellationToken);
        Assert.Equal(whole.Tokens.Skip(1).SkipLast(1).Select(Figures), rows[0].Tokens.Select(Figures));
        Assert.Equal(
            scorer.ScoreTokens(other, cancellationToken: TestContext.Current.CancellationToken).Metrics.ToExactString(),
            rows[1].Metrics.ToExactString());
        Assert.Equal((0L, 1L), (rows[0].Index, rows[1].Index));
        Assert.Contains(
            "(2, 3)",
            Assert.Throws<ArgumentException>(() => scorer.ScoreBatch([[1, 2, 3], [1, 2, 3]], [[1, 2, 3]])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => scorer.ScoreBatch([[1]], [[50257]]));

        static string Figures(ScoredToken token) => FormattableString.Invariant(
            $"{token.Id} {token.LogProbability:R} {token.Position} {token.ContextCount} {string.Join(' ', token.Candidates)}");
    }

    [Fact]
    public async Task The_async_forms_give_the_same_and_can_be_canceled()
    {
        const string Text = "Every effort moves you";
        var cancellationToken = TestContext.Current.CancellationToken;
        var scorer = new TextScorer(_model);
        Assert.Equal(
            scorer.Score(Text, cancellationToken).ToExactString(),
            (await scorer.ScoreAsync(Text, cancellationToken)).ToExactString());
        Assert.Equal(
            scorer.ScoreTokens(Text, cancellationToken: cancellationToken).Tokens.Select(token => token.LogProbability),
            (await scorer.ScoreTokensAsync(Text, cancellationToken: cancellationToken)).Tokens.Select(token => token.LogProbability));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => scorer.ScoreAsync(Text, new CancellationToken(canceled: true)));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => scorer.ScoreTokensAsync(Text, cancellationToken: new(canceled: true)));
    }

    private LanguageModelMetrics Score(string text, bool prependEndOfText) =>
        new TextScorer(_model, new() { PrependEndOfText = prependEndOfText }).Score(text, TestContext.Current.CancellationToken);
}
