using MLNet.Gpt.Tests.Data;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.Evaluation;

[Collection(TorchCollection.Name)]
public class ScoringOptionsTests
{
    [Fact]
    public void Options_that_a_model_does_not_support_are_refused()
    {
        using var model = TinyModels.Create();
        Assert.Contains("17", Refused(new() { WindowLength = 17 }), StringComparison.Ordinal);
        Assert.Contains("window length, 8", Refused(new() { WindowLength = 8, Stride = 9 }), StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ScoringOptions { Stride = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ScoringOptions { WindowLength = -1 });

        using var endless = TinyModels.Create(new WordTokenizer(Enumerable.Range(0, 61).Select(i => $"w{i}")));
        Assert.Throws<ArgumentException>(() => new TextScorer(endless, ScoringOptions.RollingWindows));
        Assert.Throws<ArgumentException>(() => new CorpusEvaluator(endless, new() { Documents = DocumentBoundaries.JoinedByEndOfText }));

        string Refused(ScoringOptions options) => Assert.Throws<ArgumentException>(() => new TextScorer(model, options)).Message;
    }

    [Fact]
    public void By_default_a_window_is_as_long_as_the_context_but_at_most_4096()
    {
        Assert.Equal(1024, new ScoringOptions().WindowLengthFor(GptPresets.Gpt2Small));
        Assert.Equal(4096, new ScoringOptions().WindowLengthFor(GptPresets.Llama32));
        Assert.Equal(8192, new ScoringOptions { WindowLength = 8192 }.WindowLengthFor(GptPresets.Llama32));
    }

    [Fact]
    public void A_stride_as_long_as_the_window_is_the_default()
    {
        using var model = TinyModels.Create();
        string text = TinyModels.Text(100, 1);
        var cancellation = TestContext.Current.CancellationToken;

        Assert.Equal(
            new TextScorer(model).Score(text, cancellation).ToExactString(),
            new TextScorer(model, new() { WindowLength = 16, Stride = 16 }).Score(text, cancellation).ToExactString());
        Assert.NotEqual(
            new TextScorer(model).Score(text, cancellation).Loss,
            new TextScorer(model, new() { Stride = 1 }).Score(text, cancellation).Loss);
    }

    [Fact]
    public void The_book_s_windows_give_the_book_s_validation_loss()
    {
        string text = TestFiles.TheVerdict;
        string validation = text[(int)(0.9 * text.Length)..];
        using var network = GptModule.Create(GptPresets.Lecture, seed: 123);
        using var model = GptModel.FromWeights(network.ToWeights(), Gpt2Tokenizer.Instance);

        // The book's loader leaves the incomplete last window out: two windows of 256 are left, hence 512 targets.
        var scorer = new TextScorer(model, ScoringOptions.Lecture);
        var result = scorer.ScoreTokens(scorer.Encode(validation).AsSpan(0, 513), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(512, result.Tokens.Count);
        Assert.Equal(10.9811, result.CrossEntropy, 5e-5);
    }
}
