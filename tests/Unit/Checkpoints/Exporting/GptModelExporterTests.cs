using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Checkpoints.Exporting;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tests.Runtime;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Tests.Checkpoints.Exporting;

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
    public void The_format_is_that_of_the_path(string path, ExportFormat expected) => Assert.Equal(expected, ExportFormats.FromPath(path));

    [Fact]
    public void A_format_that_is_asked_for_goes_before_the_path_s()
    {
        GptModelExporter.Export(Place("model.bin"), RandomWeights.Of(GptPresets.Tiny), tokenizer: null, new() { Format = ExportFormat.Gguf });
        Assert.Equal("GGUF"u8, File.ReadAllBytes(Place("model.bin")).AsSpan(0, 4));
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
    public void A_cancelled_export_leaves_the_old_model_and_nothing_else(string place)
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
    public void A_source_that_fails_leaves_the_old_model_and_nothing_else(string place)
    {
        GptModelExporter.Export(Place(place), RandomWeights.Of(GptPresets.Tiny), tokenizer: null, new() { InlineWeightLimit = 0 });
        var before = Contents();
        Assert.Throws<IOException>(() => GptModelExporter.Export(Place(place), new FailingWeights(), tokenizer: null, new() { InlineWeightLimit = 0 }));
        Assert.Equal(before, Contents());
    }

    [Theory]
    [InlineData(ExportFormat.HuggingFace, ExportDataType.Q8_0)]
    [InlineData(ExportFormat.Checkpoint, ExportDataType.Q8_0)]
    [InlineData(ExportFormat.PyTorch, ExportDataType.Q8_0)]
    [InlineData(ExportFormat.Onnx, ExportDataType.BFloat16)]
    [InlineData(ExportFormat.Onnx, ExportDataType.Q8_0)]
    public void A_data_type_that_a_format_lacks_is_refused_by_name(ExportFormat format, ExportDataType type)
    {
        var refused = Assert.Throws<ArgumentException>(() => GptModelExporter.Export(Place("m"), RandomWeights.Of(GptPresets.Tiny), null, new() { Format = format, DataType = type }));
        Assert.Contains(type.ToString(), refused.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(ExportDataType.Float32), refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory.Path));
    }

    [Fact]
    public void A_tokenizer_of_another_vocabulary_is_refused()
    {
        var refused = Assert.Throws<ArgumentException>(() => GptModelExporter.Export(Place("m.pth"), RandomWeights.Of(GptPresets.Tiny), Gpt2Tokenizer.Instance));
        Assert.Contains("50257", refused.Message, StringComparison.Ordinal);
        Assert.Contains("61", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_out_of_range_are_refused_by_name()
    {
        Assert.Contains("0", Assert.Throws<ArgumentOutOfRangeException>(() => new ExportOptions { ShardSize = 0 }).Message, StringComparison.Ordinal);
        Assert.Contains("2000000000", Assert.Throws<ArgumentOutOfRangeException>(() => new ExportOptions { InlineWeightLimit = int.MaxValue }).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => GptModelExporter.Export(Place("m"), RandomWeights.Of(GptPresets.Tiny), null, new() { Format = (ExportFormat)9 }));
    }

    public void Dispose() => _directory.Dispose();

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
