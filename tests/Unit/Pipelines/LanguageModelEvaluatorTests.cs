using Microsoft.ML;

namespace MLNet.Gpt.Tests.Pipelines;

public sealed class LanguageModelEvaluatorTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();
    private readonly string[] _texts = ["w1", "", .. Enumerable.Range(0, 20).Select(i => TinyModels.Text(1 + (i * 7 % 41), i))];

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Its_metrics_equal_a_calculation_by_hand_from_the_logits()
    {
        var metrics = Evaluate(_texts);

        // A forward pass over each window of 16, softmax in double, and the same weight for each token.
        double sum = 0;
        int count = 0, top1 = 0, top5 = 0;
        foreach (int[] ids in _texts.Select(text => _model.Tokenizer.Encode(text)))
        {
            for (int start = 0; start < ids.Length - 1; start += 16)
            {
                int length = Math.Min(16, ids.Length - 1 - start);
                float[] logits = _model.ComputeLogits(ids.AsSpan(start, length));
                for (int t = 0; t < length; t++)
                {
                    double[] row = [.. logits.Skip(t * 61).Take(61).Select(logit => (double)logit)];
                    double target = row[ids[start + t + 1]];
                    sum += Math.Log(row.Sum(Math.Exp)) - target;
                    count++;
                    if (row.All(logit => logit <= target)) top1++;
                    if (row.Count(logit => logit > target) < 5) top5++;
                }
            }
        }

        Assert.Equal(count, metrics.TokenCount);
        Assert.Equal(sum / count, metrics.CrossEntropy, 1e-6);
        Assert.Equal(Math.Exp(sum / count), metrics.Perplexity, 1e-4);
        Assert.Equal(sum / count / Math.Log(2), metrics.BitsPerToken, 1e-6);
        Assert.Equal((double)top1 / count, metrics.Top1Accuracy);
        Assert.Equal((double)top5 / count, metrics.Top5Accuracy);
        Assert.Equal(_texts.Length, metrics.DocumentCount);
        Assert.Equal(61, metrics.VocabularySize);
        Assert.Equal(Math.Log(61), metrics.UniformCrossEntropy);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public void Shards_evaluated_separately_merge_into_the_whole_to_the_last_bit(int shardCount)
    {
        var whole = Evaluate(_texts);

        // Shards of several texts in shuffled order; each contains a text with targets.
        string[] shuffled = [.. _texts.OrderBy(text => text.GetHashCode(StringComparison.Ordinal))];
        var shards = Enumerable.Range(0, shardCount).Select(
            shard => Evaluate([.. shuffled.Where((_, i) => i % shardCount == shard), _texts[^1]]));
        var extra = Enumerable.Repeat(Evaluate([_texts[^1]]), shardCount).ToArray();

        Assert.Equal(LanguageModelMetrics.Merge([whole, .. extra]).ToExactString(), LanguageModelMetrics.Merge(shards).ToExactString());
    }

    [Fact]
    public void Bits_per_byte_divides_by_the_bytes_that_were_predicted()
    {
        var metrics = Evaluate(["w1 w22 w3"]);

        Assert.Equal("w22 w3".Length + 1, metrics.ByteCount); // all except the first word; the space before the second is predicted with it
        Assert.Equal(metrics.CrossEntropy * 2 / Math.Log(2) / 7, metrics.BitsPerByte, 1e-12);
    }

    [Fact]
    public void Rows_with_nothing_to_predict_are_refused()
    {
        var error = Assert.Throws<InvalidOperationException>(() => Evaluate(["w1", string.Empty]));

        Assert.Contains("2 rows", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Data_that_is_not_from_a_transformer_is_refused()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => _ml.LanguageModeling.Evaluate(Rows.ToView(_ml, _texts)));
        Assert.Contains("'NegativeLogLikelihood'", error.Message, StringComparison.Ordinal);

        var foreign = _ml.Data.LoadFromEnumerable([new
        {
            NegativeLogLikelihood = 1d, TokenCount = 1L, ByteCount = 1L, CharacterCount = 1L, WordCount = 1L,
            Top1Count = 0L, Top5Count = 0L,
        }]);
        Assert.Contains(
            nameof(GptTransformer),
            Assert.Throws<ArgumentException>(() => _ml.LanguageModeling.Evaluate(foreign)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Metrics_of_different_vocabularies_do_not_merge()
    {
        var metrics = Evaluate(_texts);
        var other = new LanguageModelMetrics(metrics.Loss, 50257);

        var error = Assert.Throws<ArgumentException>(() => LanguageModelMetrics.Merge([metrics, other]));

        Assert.Contains("61", error.Message, StringComparison.Ordinal);
        Assert.Contains("50257", error.Message, StringComparison.Ordinal);
    }

    private LanguageModelMetrics Evaluate(IEnumerable<string?> texts) =>
        _ml.LanguageModeling.Evaluate(new GptTransformer(_model).Transform(Rows.ToView(_ml, texts)));
}
