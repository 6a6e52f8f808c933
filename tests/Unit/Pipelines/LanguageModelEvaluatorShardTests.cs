using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>
/// Compares the evaluator with sums over the column of token log-probabilities, and with itself on parts.
/// </summary>
public sealed class LanguageModelEvaluatorShardTests : IDisposable
{
    private static readonly GptTransformerOptions WithTokens =
        new() { Columns = new() { Tokens = "Tokens", TokenLogProbabilities = "LogProbabilities" } };

    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();
    private readonly string[] _texts = ["w1", "", .. Enumerable.Range(0, 60).Select(i => TinyModels.Text(1 + (i * 7 % 41), i))];

    public void Dispose() => _model.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Its_metrics_equal_a_calculation_by_hand_from_the_log_probabilities(bool prependsEndOfText)
    {
        var view = new GptTransformer(_model, WithTokens with { Scoring = new() { PrependEndOfText = prependsEndOfText } })
            .Transform(Rows.ToView(_ml, _texts));
        var metrics = _ml.LanguageModeling.Evaluate(view);

        double nats = 0;
        long tokens = 0, bytes = 0, characters = 0, words = 0;
        var columns = view.GetColumn<VBuffer<float>>("LogProbabilities").Zip(view.GetColumn<VBuffer<ReadOnlyMemory<char>>>("Tokens"));
        foreach (var (logProbabilities, pieces) in columns)
        {
            float[] values = [.. logProbabilities.DenseValues()];
            string[] predicted = [.. pieces.DenseValues().Skip(1).Select(piece => piece.ToString())];
            nats -= values.Skip(1).Sum(value => (double)value);
            tokens += predicted.Length;

            // ASCII words, with a space before each except the first.
            words += predicted.Length;
            characters += predicted.Sum(word => word.Length + 1) - (prependsEndOfText && predicted.Length > 0 ? 1 : 0);
            bytes = characters;
        }

        Assert.Equal(tokens, metrics.TokenCount);
        Assert.Equal(nats / tokens, metrics.CrossEntropy, 1e-9);
        Assert.Equal(Math.Exp(nats / tokens), metrics.Perplexity, 1e-6);
        Assert.Equal(nats / tokens / Math.Log(2), metrics.BitsPerToken, 1e-9);
        Assert.Equal(nats / bytes / Math.Log(2), metrics.BitsPerByte, 1e-9);
        Assert.Equal(nats / characters / Math.Log(2), metrics.BitsPerCharacter, 1e-9);
        Assert.Equal(Math.Exp(nats / words), metrics.WordPerplexity, 1e-6);
        Assert.Equal(_texts.Length, metrics.DocumentCount);
        Assert.Equal(Math.Log(61), metrics.UniformCrossEntropy);
        Assert.Equal(61, metrics.VocabularySize);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(5, 1)]
    [InlineData(9, 3)]
    public void Shards_in_any_order_and_on_any_number_of_threads_give_the_metrics_of_the_whole(int shardCount, int threadCount)
    {
        var whole = Evaluate(_model, _texts);
        using var model = GptModel.FromWeights(_model, _model.Tokenizer, new() { ThreadCount = threadCount });
        string[] shuffled = [.. _texts.OrderBy(text => text.Length * 31 % 17)];

        var merged = LanguageModelMetrics.Merge(
            Enumerable.Range(0, shardCount).Select(shard => Evaluate(model, shuffled.Where((_, i) => i % shardCount == shard))));

        Assert.Equal(whole.ToExactString(), merged.ToExactString()); // to the last bit
        Assert.Equal(whole.CrossEntropy, merged.CrossEntropy);
        Assert.Equal(whole.WordPerplexity, merged.WordPerplexity);
    }

    [Fact]
    public void Rows_scored_one_by_one_give_the_metrics_of_rows_scored_together()
    {
        using var engine = _ml.Model.CreatePredictionEngine<Rows.Input, Rows.Output>(new GptTransformer(_model));
        var alone = _texts.Select(text => engine.Predict(new() { Text = text })).ToArray();

        var metrics = Evaluate(_model, _texts);

        Assert.Equal(alone.Sum(row => row.NegativeLogLikelihood) / alone.Sum(row => row.TokenCount), metrics.CrossEntropy, 1e-12);
        Assert.Equal(alone.Sum(row => row.CharacterCount), metrics.CharacterCount);
        Assert.Equal(alone.Sum(row => row.WordCount), metrics.WordCount);
        Assert.Equal(alone.Sum(row => row.Top5Count) / (double)alone.Sum(row => row.TokenCount), metrics.Top5Accuracy, 1e-12);
    }

    [Theory]
    [InlineData("TokenCount")]
    [InlineData("CharacterCount")]
    [InlineData("WordCount")]
    public void A_column_that_is_missing_or_of_another_type_is_named(string column)
    {
        var view = new GptTransformer(_model).Transform(Rows.ToView(_ml, _texts));
        var without = _ml.Transforms.DropColumns(column).Fit(view).Transform(view);
        var converted = _ml.Transforms.Conversion.ConvertType(column, column, DataKind.Single).Fit(view).Transform(view);

        Assert.Contains(
            $"'{column}'",
            Assert.Throws<ArgumentOutOfRangeException>(() => _ml.LanguageModeling.Evaluate(without)).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            $"'{column}': expected Int64, got Single",
            Assert.Throws<ArgumentException>(() => _ml.LanguageModeling.Evaluate(converted)).Message,
            StringComparison.Ordinal);
    }

    private LanguageModelMetrics Evaluate(GptModel model, IEnumerable<string> texts) =>
        _ml.LanguageModeling.Evaluate(new GptTransformer(model).Transform(Rows.ToView(_ml, texts)));
}
