using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.TensorFlow;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Tests.Formats.TensorFlow;

public class TensorBundleTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "TensorFlow");

    [Fact] // The check value of CRC-32C, and 32 zeros of RFC 3720, B.4.
    public void The_checksum_is_Castagnolis()
    {
        Assert.Equal(0xE3069283u, Crc32C.Append(0, "123456789"u8));
        Assert.Equal(0x8A9136AAu, Crc32C.Append(0, new byte[32]));
        Assert.Equal(0xE3069283u, Crc32C.Append(Crc32C.Append(0, "1234"u8), "56789"u8));
    }

    [Fact] // the slope and the offset of a line, written by TensorFlow's own saver
    public void A_TensorFlow_checkpoint_is_read()
    {
        using var files = new OpenFiles();
        var tensors = Read(Path.Combine(Folder, "model.index"), files);
        Assert.Equal(["W", "b"], tensors.Select(tensor => tensor.Name));
        Assert.All(tensors, tensor => Assert.Equal(TensorDataType.Float32, tensor.DataType));
        float[] values = new float[2];
        tensors[0].Elements!.Read(0, values.AsSpan(0, 1));
        tensors[1].Elements!.Read(0, values.AsSpan(1, 1));
        Assert.Equal([BitConverter.UInt32BitsToSingle(0x3E5B18CC), BitConverter.UInt32BitsToSingle(0x3F8656D9)], values);
    }

    [Theory]
    [InlineData("model.index", 20, "checksum of its block at 0")]
    [InlineData("model.index", 80, "checksum of its block at")]
    [InlineData("model.index", 130, "does not end like such a table")]
    [InlineData("model.data-00000-of-00001", 5, "the tensor 'b' has the checksum")]
    public void A_changed_byte_is_found(string name, int at, string reason)
    {
        using var directory = new TemporaryDirectory();
        foreach (string file in Directory.GetFiles(Folder)) File.Copy(file, Path.Combine(directory.Path, Path.GetFileName(file)));
        string path = Path.Combine(directory.Path, name);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[at] ^= 4;
        File.WriteAllBytes(path, bytes);
        var error = Assert.Throws<InvalidDataException>(() =>
        {
            using var files = new OpenFiles();
            foreach (var tensor in Read(Path.Combine(directory.Path, "model.index"), files)) tensor.Elements!.Read(0, new float[1]);
        });
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 0x10, 99 }, "requires a reader of version 99")] // min_consumer
    [InlineData(new byte[] { 0x18, 1 }, "must not be read by readers of version 1")] // bad_consumers
    [InlineData(new byte[] { 0x10, 1 }, null)]
    [InlineData(new byte[] { 0x18, 2 }, null)]
    public void The_versions_of_readers_are_observed(byte[] field, string? reason)
    {
        using var directory = new TemporaryDirectory();
        foreach (string file in Directory.GetFiles(Folder)) File.Copy(file, Path.Combine(directory.Path, Path.GetFileName(file)));
        string path = Path.Combine(directory.Path, "model.index");
        byte[] original = File.ReadAllBytes(path), changed = [.. original];
        int version = original.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x1A, 2, 0x08, 1]); // VersionDef with a producer
        Assert.True(version >= 0);
        field.CopyTo(changed, version + 2);
        Hostile.Victims.MendTable(changed, original);
        File.WriteAllBytes(path, changed);
        using var files = new OpenFiles();

        if (reason is null) Assert.Equal(2, Read(path, files).Count);
        else Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => Read(path, files)).Message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<FileTensor> Read(string path, OpenFiles files)
    {
        using var index = PositionedFile.Open(path);
        return TensorFlowReader.Read(index, files);
    }
}
