using MLNet.Gpt.Formats;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Formats.Exporting;

public sealed class GptModelExporterTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string> Places => ["model.safetensors", "model", "model.pth", "model.gguf", "model.onnx"];

    [Theory]
    [InlineData("a/b.safetensors", ExportFormat.Checkpoint)]
    [InlineData("b.PTH", ExportFormat.PyTorch)]
    [InlineData("b.pt", ExportFormat.PyTorch)]
    [InlineData("b.gguf", ExportFormat.Gguf)]
    [InlineData("b.v2.onnx", ExportFormat.Onnx)]
    [InlineData("my-model", ExportFormat.HuggingFace)]
    [InlineData("my.model", ExportFormat.HuggingFace)]
    public void The_path_determines_the_format(string path, ExportFormat expected) =>
        Assert.Equal(expected, ModelFormats.WriterOf(path).Format);

    [Fact]
    public void A_requested_format_takes_precedence_over_the_paths()
    {
        GptModelExporter.Export(
            Place("model.bin"), RandomWeights.Of(GptPresets.Tiny), tokenizer: null, new() { Format = ExportFormat.Gguf });
        Assert.Equal("GGUF"u8, File.ReadAllBytes(Place("model.bin")).AsSpan(0, 4));
    }

    public static TheoryData<string, TensorDataType, float, float> BeyondTheRange
    {
        get
        {
            float bfloat = BitConverter.UInt32BitsToSingle(0x7F7F_0000), blocks = 127 * 65504;
            var rows = new TheoryData<string, TensorDataType, float, float>();
            foreach (string place in (string[])["model.safetensors", "model", "model.pth", "model.gguf", "model.onnx"])
            {
                rows.Add(place, TensorDataType.Float16, 70_000, 65_504);
            }

            foreach (string place in (string[])["model.safetensors", "model", "model.pth", "model.gguf"])
            {
                rows.Add(place, TensorDataType.BFloat16, float.MaxValue, bfloat);
            }

            rows.Add("model.gguf", TensorDataType.Q8_0, 1e7f, blocks);
            rows.Add("model.pth", TensorDataType.Float16, 65_520, 65_504);
            rows.Add("model.pth", TensorDataType.Float16, float.PositiveInfinity, 65_504);
            rows.Add("model.pth", TensorDataType.BFloat16, float.NegativeInfinity, -bfloat);
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(BeyondTheRange))]
    public void A_weight_beyond_the_range_of_its_type_is_refused_before_anything_is_replaced(
        string place, TensorDataType type, float weight, float largest)
    {
        GptModelExporter.Export(Place(place), RandomWeights.Of(GptPresets.Tiny), tokenizer: null);
        var before = Contents();
        var weights = With(weight);

        var error = Assert.Throws<ArgumentException>(
            () => GptModelExporter.Export(Place(place), weights, tokenizer: null, new() { DataType = type }));

        Assert.Matches(@"'[\w.]+'\[3, 5\] is ", error.Message);
        Assert.Contains(weight.ToString(System.Globalization.CultureInfo.InvariantCulture), error.Message, StringComparison.Ordinal);
        Assert.Equal(before, Contents());

        GptModelExporter.Export(Place(place), weights, tokenizer: null, new() { DataType = type, ClampsToRange = true });
        if (place == "model.onnx") return;
        using var read = GptModelFile.Open(Place(place), GptPresets.Tiny.HeadCount);
        float[] row = new float[1];
        read.Read(WeightNames.TokenEmbedding, (3 * GptPresets.Tiny.EmbeddingWidth) + 5, row);
        Assert.Equal(largest, row[0]);
    }

    [Fact]
    public void NaN_is_written_as_it_is_or_not_at_all()
    {
        var weights = With(float.NaN);
        GptModelExporter.Export(Place("model.pth"), weights, tokenizer: null);

        foreach (bool clamps in (bool[])[false, true])
        {
            var error = Assert.Throws<ArgumentException>(() =>
                GptModelExporter.Export(
                    Place("model.pth"), weights, tokenizer: null, new() { DataType = TensorDataType.Float16, ClampsToRange = clamps }));
            Assert.Contains("'tok_emb.weight'[3, 5] is NaN", error.Message, StringComparison.Ordinal);
        }

        using var read = GptModelFile.Open(Place("model.pth"), GptPresets.Tiny.HeadCount);
        float[] row = new float[1];
        read.Read(WeightNames.TokenEmbedding, (3 * GptPresets.Tiny.EmbeddingWidth) + 5, row);
        Assert.True(float.IsNaN(row[0]));
    }

    [Fact]
    public void A_weight_that_rounds_into_the_range_is_accepted()
    {
        GptModelExporter.Export(Place("model.pth"), With(65_519), tokenizer: null, new() { DataType = TensorDataType.Float16 });

        using var read = GptModelFile.Open(Place("model.pth"), GptPresets.Tiny.HeadCount);
        float[] row = new float[1];
        read.Read(WeightNames.TokenEmbedding, (3 * GptPresets.Tiny.EmbeddingWidth) + 5, row);
        Assert.Equal(65_504, row[0]);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void Progress_adds_up_to_the_weights(string place)
    {
        var told = new List<ExportProgress>();
        GptModelExporter.Export(Place(place), RandomWeights.Of(GptPresets.Tiny), tokenizer: null, progress: new Collected(told));
        Assert.True(told.Count > 10);
        Assert.All(told, each => Assert.Equal(told[0].TotalBytes, each.TotalBytes));
        Assert.Equal(told[0].TotalBytes, told[^1].BytesWritten);
        Assert.True(told[0].TotalBytes >= 4 * GptPresets.Tiny.ParameterCount);
        Assert.Equal(told.Select(each => each.BytesWritten).Order(), told.Select(each => each.BytesWritten));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void A_canceled_export_leaves_the_old_model_and_nothing_else(string place)
    {
        GptModelExporter.Export(Place(place), RandomWeights.Of(GptPresets.Tiny), tokenizer: null, new() { InlineWeightLimit = 0 });
        var before = Contents();
        using var cancellation = new CancellationTokenSource();
        int told = 0;
        Assert.Throws<OperationCanceledException>(() => GptModelExporter.Export(
            Place(place), RandomWeights.Of(GptPresets.Tiny, seed: 2), tokenizer: null, new() { InlineWeightLimit = 0 },
            new Called(_ =>
            {
                if (++told == 10) cancellation.Cancel();
            }),
            cancellation.Token));
        Assert.Equal(before, Contents());
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void A_failing_source_leaves_the_old_model_and_nothing_else(string place)
    {
        GptModelExporter.Export(Place(place), RandomWeights.Of(GptPresets.Tiny), tokenizer: null, new() { InlineWeightLimit = 0 });
        var before = Contents();
        Assert.Throws<IOException>(
            () => GptModelExporter.Export(Place(place), new FailingWeights(), tokenizer: null, new() { InlineWeightLimit = 0 }));
        Assert.Equal(before, Contents());
    }

    [Theory]
    [InlineData(ExportFormat.HuggingFace, TensorDataType.Q8_0)]
    [InlineData(ExportFormat.Checkpoint, TensorDataType.Q8_0)]
    [InlineData(ExportFormat.PyTorch, TensorDataType.Q8_0)]
    [InlineData(ExportFormat.Onnx, TensorDataType.BFloat16)]
    [InlineData(ExportFormat.Onnx, TensorDataType.Q8_0)]
    public void A_data_type_that_a_format_lacks_is_refused_by_name(ExportFormat format, TensorDataType type)
    {
        var refused = Assert.Throws<ArgumentException>(
            () => GptModelExporter.Export(Place("m"), RandomWeights.Of(GptPresets.Tiny), null, new() { Format = format, DataType = type }));
        Assert.Contains(type.ToString(), refused.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(TensorDataType.Float32), refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory.Path));
    }

    [Fact]
    public void A_tokenizer_with_more_tokens_than_the_model_is_refused_only_where_one_list_serves_both()
    {
        var weights = RandomWeights.Of(GptPresets.Tiny);
        var refused = Assert.Throws<ArgumentException>(
            () => GptModelExporter.Export(Place("m.gguf"), weights, Gpt2Tokenizer.Instance));
        Assert.Contains("50257", refused.Message, StringComparison.Ordinal);
        Assert.Contains("61", refused.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Place("m.gguf")));

        GptModelExporter.Export(Place("m.safetensors"), weights, Gpt2Tokenizer.Instance);
        using var model = GptModel.Load(Place("m.safetensors"));
        Assert.Equal([0], model.Tokenizer.Encode("!")); // the ids of "whale" are beyond the model's
        Assert.Throws<ArgumentException>(() => model.Tokenizer.Encode("whale"));
    }

    [Fact]
    public void Settings_out_of_range_are_refused_by_name()
    {
        Assert.Contains(
            "0", Assert.Throws<ArgumentOutOfRangeException>(() => new ExportOptions { ShardSize = 0 }).Message, StringComparison.Ordinal);
        Assert.Contains(
            "2000000000",
            Assert.Throws<ArgumentOutOfRangeException>(() => new ExportOptions { InlineWeightLimit = int.MaxValue }).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => GptModelExporter.Export(Place("m"), RandomWeights.Of(GptPresets.Tiny), null, new() { Format = (ExportFormat)9 }));
    }

    public void Dispose() => _directory.Dispose();

    // One weight of the token embedding, in row 3 and column 5.
    private static GptWeights With(float weight)
    {
        var good = RandomWeights.Of(GptPresets.Tiny);
        var arrays = WeightNames.For(good.Config).ToDictionary(entry => entry.Name, entry => good[entry.Name].ToArray());
        arrays[WeightNames.TokenEmbedding][(3 * good.Config.EmbeddingWidth) + 5] = weight;
        return new(good.Config, arrays);
    }

    private string Place(string name) => Path.Combine(_directory.Path, name);

    private Dictionary<string, string> Contents() => Directory.EnumerateFiles(_directory.Path, "*", SearchOption.AllDirectories)
        .ToDictionary(file => file, file => Convert.ToHexString(File.ReadAllBytes(file)));

    private sealed class Collected(List<ExportProgress> told) : IProgress<ExportProgress>
    {
        public void Report(ExportProgress value) => told.Add(value);
    }

    private sealed class Called(Action<ExportProgress> call) : IProgress<ExportProgress>
    {
        public void Report(ExportProgress value) => call(value);
    }

    private sealed class FailingWeights : IWeightSource
    {
        private readonly GptWeights _weights = RandomWeights.Of(GptPresets.Tiny, seed: 2);

        public GptConfig Config => _weights.Config;

        public void Read(string name, long start, Span<float> destination)
        {
            if (name == WeightNames.FeedForwardOut(1)) throw new IOException("The disk is gone.");
            _weights.Read(name, start, destination);
        }
    }
}
