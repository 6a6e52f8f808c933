using System.IO.Compression;
using System.Text;

namespace MLNet.Gpt.Tests.Evaluation;

public class TextBaselinesTests
{
    [Theory]
    [InlineData(DocumentBoundaries.Separate, false)]
    [InlineData(DocumentBoundaries.Separate, true)]
    [InlineData(DocumentBoundaries.Joined, false)]
    [InlineData(DocumentBoundaries.JoinedByEndOfText, false)]
    [InlineData(DocumentBoundaries.JoinedByEndOfText, true)]
    public void They_cover_the_same_targets_as_the_models_figure(DocumentBoundaries boundaries, bool startToken)
    {
        using var model = TinyModels.Create();
        var scoring = new ScoringOptions { Documents = boundaries, PrependEndOfText = startToken };
        var metrics = new CorpusEvaluator(model, scoring).Evaluate(
            TestCorpora.Mixed, cancellationToken: TestContext.Current.CancellationToken).Metrics;
        var baselines = TextBaselines.Measure(
            TestCorpora.Mixed,
            model.Tokenizer,
            scoring,
            UnigramModel.Train(TestCorpora.Mixed, model.Tokenizer),
            TestContext.Current.CancellationToken);

        Assert.All(baselines.All, baseline =>
        {
            Assert.Equal(metrics.WithLoss(baseline.Value.Loss).ToExactString(), baseline.Value.ToExactString());
            Assert.Equal(metrics.TokenCount, baseline.Value.TokenCount);
        });
        Assert.Equal(Math.Log(61), baselines.Uniform.CrossEntropy, 1e-9);
        Assert.Equal(61, baselines.Uniform.Perplexity, 1e-6);
    }

    [Fact]
    public void A_unigram_model_is_counts_plus_one()
    {
        var unigram = UnigramModel.Train(Corpus.FromTexts(["w1 w1 w2", "w1"]), TinyModels.Words);

        Assert.Equal(4, unigram.TokenCount);
        Assert.Equal(-Math.Log(4 / 65.0), unigram.NegativeLogLikelihood(1), 1e-12);
        Assert.Equal(-Math.Log(2 / 65.0), unigram.NegativeLogLikelihood(2), 1e-12);
        Assert.Equal(-Math.Log(1 / 65.0), unigram.NegativeLogLikelihood(3), 1e-12);
        Assert.Equal(1, Enumerable.Range(0, 61).Sum(id => Math.Exp(-unigram.NegativeLogLikelihood(id))), 1e-12);
        Assert.Throws<ArgumentOutOfRangeException>(() => unigram.NegativeLogLikelihood(61));
    }

    [Fact]
    public void Compressors_are_charged_for_every_byte_that_they_write()
    {
        string text = string.Concat(Enumerable.Range(0, 2000).Select(i => $"The whale number {i * i % 97} rose. "));
        var baselines = TextBaselines.Measure(
            Corpus.FromTexts([text]),
            Gpt2Tokenizer.Instance,
            ScoringOptions.RollingWindows,
            null,
            TestContext.Current.CancellationToken);

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true)) gzip.Write(bytes);
        Assert.Equal(8.0 * packed.Length / bytes.Length, baselines.Gzip.BitsPerByte, 1e-9);
        byte[] brotlied = new byte[bytes.Length];
        Assert.True(BrotliEncoder.TryCompress(bytes, brotlied, out int length, quality: 11, window: 22));
        Assert.Equal(8.0 * length / bytes.Length, baselines.Brotli.BitsPerByte, 0.02 * baselines.Brotli.BitsPerByte);
        Assert.Null(baselines.Unigram);
    }
}
