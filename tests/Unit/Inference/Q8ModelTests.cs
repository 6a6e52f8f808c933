using MLNet.Gpt.Formats;

namespace MLNet.Gpt.Tests.Inference;

/// <summary>An Int8 model whose weights are Q8_0 blocks keeps them exactly, wherever they come from.</summary>
public sealed class Q8ModelTests : IDisposable
{
    private static readonly GptConfig Config = GptModelTests.Odd with { EmbeddingWidth = 96 };
    private static readonly CountingTokenizer Tokenizer = new(Config.VocabularySize);
    private static readonly GptModelOptions Int8 = new() { Precision = WeightPrecision.Int8, ThreadCount = 2 };

    private readonly TemporaryDirectory _directory = new();
    private readonly string _path;

    public Q8ModelTests()
    {
        _path = Path.Combine(_directory.Path, "model.gguf");
        GptModelExporter.Export(_path, RandomWeights.Of(Config), tokenizer: null, new() { DataType = TensorDataType.Q8_0 });
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void A_file_loses_nothing()
    {
        using var file = GptModelFile.Open(_path);
        using var model = GptModel.FromFile(file, Int8, Tokenizer);
        foreach (var entry in WeightNames.For(Config))
        {
            float[] expected = new float[entry.ElementCount], actual = new float[entry.ElementCount];
            file.Read(entry.Name, 0, expected);
            model.Read(entry.Name, 0, actual);
            Assert.Equal(expected, actual);
        }

        string copy = Path.Combine(Directory.CreateDirectory(Path.Combine(_directory.Path, "copy")).FullName, "model.gguf");
        GptModelExporter.Export(copy, model, tokenizer: null, new() { DataType = TensorDataType.Q8_0 });
        Assert.Equal(File.ReadAllBytes(_path), File.ReadAllBytes(copy));
    }

    [Fact]
    public void The_figures_are_the_same_wherever_the_weights_come_from()
    {
        int[] ids = RandomWeights.Ids(Config, 250);
        using var model = GptModel.Load(_path, Int8, Tokenizer);
        float[] expected = model.ComputeLogits(ids, Cancellation);

        using var single = GptModel.Load(_path, tokenizer: Tokenizer);
        using var quantized = single.Quantize(WeightPrecision.Int8, cancellationToken: Cancellation);
        Assert.Equal(expected, quantized.ComputeLogits(ids, Cancellation));

        string checkpoint = Path.Combine(_directory.Path, "model.safetensors");
        GptModelExporter.Export(checkpoint, model, tokenizer: null, cancellationToken: Cancellation);
        using var saved = GptModel.Load(checkpoint, Int8, Tokenizer);
        Assert.Equal(expected, saved.ComputeLogits(ids, Cancellation));

        using var again = model.Quantize(WeightPrecision.Int8, cancellationToken: Cancellation);
        Assert.Equal(expected, again.ComputeLogits(ids, Cancellation));
        Assert.Equal(model.WeightBytes, again.WeightBytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(130)]
    public void A_session_gives_the_same_bits_however_the_tokens_are_appended(int step)
    {
        int[] ids = RandomWeights.Ids(Config, 250);
        using var model = GptModel.Load(_path, Int8, Tokenizer);
        float[] whole = model.ComputeLogits(ids, Cancellation);
        using var session = model.CreateSession();
        for (int first = 0; first < ids.Length; first += step)
        {
            int end = Math.Min(ids.Length, first + step);
            var logits = session.Append(ids.AsSpan(first..end), Cancellation);
            Assert.Equal(whole.AsSpan((end - 1) * Config.VocabularySize, Config.VocabularySize), logits);
        }
    }

    [Fact]
    public void The_loss_is_closer_to_the_files_own_than_with_a_scale_per_row()
    {
        int[] ids = RandomWeights.Ids(Config, 281);
        using var exact = GptModel.Load(_path, tokenizer: Tokenizer);
        using var blocks = GptModel.Load(_path, Int8, Tokenizer);
        using var numbers = GptModel.FromWeights(RandomWeights.Of(Config), Tokenizer);
        using var rows = GptModel.FromWeights(RandomWeights.Of(Config), Tokenizer, Int8);
        double error = ErrorOf(blocks, exact);
        Assert.InRange(error, 1e-6, 0.0105);
        Assert.InRange(error, 0, 0.9 * ErrorOf(rows, numbers));

        double ErrorOf(GptModel rounded, GptModel model)
        {
            float[] expected = model.ComputeLogits(ids, Cancellation), actual = rounded.ComputeLogits(ids, Cancellation);
            double squares = expected.Zip(actual).Average(pair => Math.Pow(pair.First - pair.Second, 2));
            return Math.Sqrt(squares / expected.Average(logit => (double)logit * logit));
        }
    }

    [Fact]
    public void A_matrix_whose_rows_are_not_whole_blocks_has_a_scale_per_row()
    {
        var config = GptModelTests.Odd with { EmbeddingWidth = 72 };
        string path = Path.Combine(_directory.Path, "mixed.gguf");
        GptModelExporter.Export(path, RandomWeights.Of(config), tokenizer: null, new() { DataType = TensorDataType.Q8_0 });
        using var model = GptModel.Load(path, Int8, Tokenizer);

        Assert.False(model.Weights.Head.HasBlocks);
        Assert.False(model.Weights.Blocks[0].QueryKeyValue.HasBlocks);
        Assert.True(model.Weights.Blocks[0].FeedForwardOut.HasBlocks); // 288 inputs
        Assert.All(model.ComputeLogits(RandomWeights.Ids(config, 30), Cancellation), logit => Assert.True(float.IsFinite(logit)));
    }

    public void Dispose() => _directory.Dispose();
}
