using System.Text.Json;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using static TorchSharp.torch;

namespace MLNet.Gpt.Tests.Formats;

[Collection(TorchCollection.Name)]
public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Path => System.IO.Path.Combine(_directory.Path, "model.safetensors");

    [Fact]
    public void What_is_written_is_read_back_bit_for_bit()
    {
        // Every exponent and both signs, including NaNs with their payloads; longer than the writer's buffer.
        float[] values = [.. Enumerable.Range(0, 300_001).Select(i => BitConverter.UInt32BitsToSingle((uint)i * 14_317))];
        WriteTensors([("x", values), ("empty", []), ("y", [1, 2, 3])]);

        using var file = SafetensorsReader.Open(Path);
        float[] read = new float[values.Length];
        file.Read("x", 0, read);
        Assert.Equal(values.Select(BitConverter.SingleToUInt32Bits), read.Select(BitConverter.SingleToUInt32Bits));
        Assert.Equal(["x", "empty", "y"], file.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public void The_file_has_the_layout_of_the_format()
    {
        WriteTensors([("a", [1, 2]), ("ö\"b", [3])], metadata: new() { ["k"] = "v" });
        byte[] bytes = File.ReadAllBytes(Path);
        int length = (int)BitConverter.ToUInt64(bytes);
        Assert.Equal(0, length % 8);
        Assert.Equal((byte)'{', bytes[8]);
        using var document = JsonDocument.Parse(bytes.AsMemory(8, length));
        var header = document.RootElement;
        Assert.Equal("v", header.GetProperty("__metadata__").GetProperty("k").GetString());
        Assert.Equal("""{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""", header.GetProperty("a").GetRawText());
        Assert.Equal("""{"dtype":"F32","shape":[1],"data_offsets":[8,12]}""", header.GetProperty("ö\"b").GetRawText());
        Assert.Equal([0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64], bytes[(8 + length)..]);
    }

    [Theory]
    [InlineData(TensorDataType.Float16)]
    [InlineData(TensorDataType.BFloat16)]
    public void Half_the_bytes_round_like_libtorch(TensorDataType type)
    {
        var random = new Random(3);
        float[] values =
        [
            0, -0f, 1.00390625f, 1.01171875f, 65519, 65520, float.MaxValue, float.Epsilon, 5.96e-8f, float.NegativeInfinity, float.NaN,
            .. Enumerable.Range(0, 20_000).Select(_ => BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32))),
        ];
        byte[] bytes = new byte[2 * values.Length];
        float[] rounded = new float[values.Length];
        FloatConversion.FromSingle(type, values, bytes);
        FloatConversion.ToSingle(type, bytes, rounded);

        LibTorch.EnsureLoaded();
        using var scope = NewDisposeScope();
        float[] expected = tensor(values).to(type == TensorDataType.Float16 ? float16 : bfloat16).to(float32).data<float>().ToArray();
        Assert.Equal(expected, rounded);

        // A file contains those that remain finite.
        int[] kept = [.. Enumerable.Range(0, values.Length).Where(i => float.IsFinite(expected[i]))];
        WriteTensors([("x", [.. kept.Select(i => values[i])])], type);
        using var file = SafetensorsReader.Open(Path);
        float[] read = new float[kept.Length];
        file.Read("x", 0, read);
        Assert.Equal(kept.Select(i => expected[i]), read);
    }

    [Fact]
    public void A_failed_save_leaves_the_old_file_and_nothing_else()
    {
        WriteTensors([("old", [1])]);
        byte[] old = File.ReadAllBytes(Path);
        int calls = 0;
        void FailLater(string name, long start, Span<float> destination)
        {
            if (++calls == 2) throw new IOException("The source failed.");
        }

        Assert.Throws<IOException>(() => SafetensorsWriter.Write(Path, [new("new", [600_000])], FailLater));
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => SafetensorsWriter.Write(Path, [new("new", [4])], FailLater, cancellationToken: source.Token));

        Assert.Equal(old, File.ReadAllBytes(Path));
        Assert.Equal([Path], Directory.GetFiles(_directory.Path));
    }

    [Fact]
    public void An_open_file_stays_readable_while_it_is_replaced()
    {
        WriteTensors([("x", [1])]);
        using var file = SafetensorsReader.Open(Path);
        WriteTensors([("x", [2])]);
        float[] value = new float[1];
        file.Read("x", 0, value);
        Assert.Equal([1], value);
        using var replaced = SafetensorsReader.Open(Path);
        replaced.Read("x", 0, value);
        Assert.Equal([2], value);
    }

    [Fact]
    public void A_link_is_followed()
    {
        if (OperatingSystem.IsWindows()) return; // creating a link requires a privilege there
        WriteTensors([("x", [1])]);
        string link = System.IO.Path.Combine(_directory.Path, "link");
        File.CreateSymbolicLink(link, Path);
        SafetensorsWriter.Write(link, [new("y", [0])], (_, _, _) => { });
        Assert.NotNull(new FileInfo(link).LinkTarget);
        using var file = SafetensorsReader.Open(Path);
        Assert.Equal("y", file.Tensors[0].Name);
    }

    [Fact]
    public void Clashing_names_and_types_that_are_not_for_weights_are_refused()
    {
        Assert.Contains(
            "'x'", Assert.Throws<ArgumentException>(() => WriteTensors([("x", [1]), ("x", [1])])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => WriteTensors([("__metadata__", [1])]));
        Assert.Contains(
            "Int8",
            Assert.Throws<ArgumentOutOfRangeException>(() => WriteTensors([("x", [1])], TensorDataType.Int8)).Message,
            StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_directory.Path));
    }

    public void Dispose() => _directory.Dispose();

    private void WriteTensors(
        (string Name, float[] Values)[] tensors,
        TensorDataType type = TensorDataType.Float32,
        Dictionary<string, string>? metadata = null) =>
        SafetensorsWriter.Write(
            Path,
            tensors.Select(tensor => new WeightEntry(tensor.Name, [tensor.Values.Length])),
            (name, start, destination) =>
                tensors.First(tensor => tensor.Name == name).Values.AsSpan((int)start, destination.Length).CopyTo(destination),
            type,
            metadata);
}
