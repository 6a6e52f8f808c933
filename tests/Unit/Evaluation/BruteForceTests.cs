using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.Evaluation;

/// <summary>
/// Compares the per-token figures with a libtorch forward pass for each target, over everything that the setting lets
/// it see.
/// </summary>
[Collection(TorchCollection.Name)]
public sealed class BruteForceTests : IDisposable
{
    private const int Context = 16;

    private static readonly GptConfig Config = GptModelTests.Odd with { VocabularySize = 61, ContextLength = Context };

    private readonly GptModule _network = GptModule.FromWeights(RandomWeights.Of(Config, deviation: 0.3f));
    private readonly GptModel _model;

    public BruteForceTests()
    {
        _network.eval();
        _model = GptModel.FromWeights(_network.ToWeights(), TinyModels.Words, new() { ThreadCount = 2 });
    }

    public void Dispose()
    {
        _model.Dispose();
        _network.Dispose();
    }

    public static TheoryData<int, int, LastWindow, bool> Settings => new()
    {
        { Context, 1, LastWindow.OnStride, false },
        { Context, 3, LastWindow.OnStride, true },
        { Context, 7, LastWindow.AtEnd, false },
        { Context, Context - 1, LastWindow.AtEnd, true },
        { Context, Context, LastWindow.OnStride, false },
        { Context, Context, LastWindow.AtEnd, true },
        { Context - 1, 5, LastWindow.OnStride, false },
        { 4, 2, LastWindow.AtEnd, true },
        { 1, 1, LastWindow.OnStride, false },
    };

    [Theory]
    [MemberData(nameof(Settings))]
    public void Every_token_has_the_log_probability_of_a_separate_forward_pass(int window, int stride, LastWindow last, bool startToken)
    {
        var options = new ScoringOptions { WindowLength = window, Stride = stride, LastWindow = last, PrependEndOfText = startToken };
        var scorer = new TextScorer(_model, options);
        var detail = new TokenOptions { Entropy = true, CandidateCount = 3 };
        foreach (int wordCount in (int[])[0, 1, 2, Context - 1, Context, Context + 1, Context + 2, 2 * Context, (3 * Context) + 5])
        {
            string text = TinyModels.Text(wordCount, seed: wordCount);
            int[] ids = scorer.Encode(text);
            var scores = scorer.ScoreIds(ids, TestContext.Current.CancellationToken);
            var described = scorer.ScoreTokens(text, detail, TestContext.Current.CancellationToken);
            Assert.Equal(Math.Max(0, ids.Length - 1), scores.Length);
            Assert.Equal(scores.Length, described.Tokens.Count);
            var ofIds = scorer.ScoreTokens(ids, detail, TestContext.Current.CancellationToken);
            Assert.Equal(described.Metrics.Loss, ofIds.Metrics.Loss);
            Assert.Equal(described.Tokens.Select(Figures), ofIds.Tokens.Select(Figures));
            Assert.Equal(scorer.Score(text, TestContext.Current.CancellationToken).ToExactString(), described.Metrics.ToExactString());
            for (int target = 1; target < ids.Length; target++)
            {
                int start = StartOf(target, ids.Length - 1, window, stride, last);
                double[] expected = LogSoftmax(ids[start..target]);
                var token = described.Tokens[target - 1];
                Assert.Equal(expected[ids[target]], -scores[target - 1].NegativeLogLikelihood, 1e-4);
                Assert.Equal(scores[target - 1].NegativeLogLikelihood, token.NegativeLogLikelihood);
                Assert.Equal(expected.Count(logProbability => logProbability > expected[ids[target]]), token.Rank);
                Assert.Equal(-expected.Sum(logProbability => Math.Exp(logProbability) * logProbability), token.Entropy!.Value, 1e-4);
                Assert.Equal(expected.Max(), token.TopLogProbability, 1e-4);
                Assert.Equal(target - start, token.ContextCount);
                Assert.Equal(
                    Enumerable.Range(0, expected.Length).OrderByDescending(id => expected[id]).Take(3),
                    token.Candidates.Select(candidate => candidate.Id));
                Assert.All(token.Candidates, candidate => Assert.Equal(expected[candidate.Id], candidate.LogProbability, 1e-4));
            }
        }
    }

    private static string Figures(ScoredToken token) => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"{token.Id} {token.Text.Trim()} {token.LogProbability:R} {token.Rank} {token.ContextCount} {token.Entropy:R} "
        + $"{string.Join(' ', token.Candidates)}");

    // The first window sees everything from the start. The next ones begin a stride apart; a target belongs to the
    // first window that reaches it.
    private static int StartOf(int target, int lastTarget, int window, int stride, LastWindow last)
    {
        if (target <= window) return last == LastWindow.AtEnd ? Math.Max(0, Math.Min(0, lastTarget - window)) : 0;
        int start = (target - window + stride - 1) / stride * stride;
        return last == LastWindow.AtEnd ? Math.Min(start, lastTarget - window) : start;
    }

    private double[] LogSoftmax(int[] ids)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        var logits = _network.call(torch.tensor(ids, torch.int64).unsqueeze(0))[0, -1].to(torch.float64);
        return torch.nn.functional.log_softmax(logits, 0).data<double>().ToArray();
    }
}
