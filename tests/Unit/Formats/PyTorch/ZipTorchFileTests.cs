using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using MLNet.Gpt.Tests.Formats.Importing;

namespace MLNet.Gpt.Tests.Formats.PyTorch;

/// <summary>Archives with PyTorch's content, repacked by .NET's own writer.</summary>
public sealed class ZipTorchFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Dictionary<string, byte[]> _records = [];

    public ZipTorchFileTests()
    {
        using var archive = ZipFile.OpenRead(ModelFixtures.Path("book/model.pth"));
        foreach (var entry in archive.Entries)
        {
            using var stream = entry.Open();
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            _records.Add(entry.FullName, copy.ToArray());
        }
    }

    private string Model => Path.Combine(_directory.Path, "model.pth");

    [Theory]
    [InlineData("little")]
    [InlineData(null)]
    public void Repacked_without_compression_it_is_the_same_model(string? byteOrder)
    {
        // As in later versions of PyTorch.
        if (byteOrder is not null) _records["model/byteorder"] = Encoding.ASCII.GetBytes(byteOrder);
        Pack();
        using var expected = GptModelFile.Open(ModelFixtures.Path("book/model.pth"), headCount: 2);
        using var actual = GptModelFile.Open(Model, headCount: 2);
        foreach (var entry in WeightNames.For(expected.Config))
        {
            float[] left = new float[entry.ElementCount], right = new float[entry.ElementCount];
            expected.Read(entry.Name, 0, left);
            actual.Read(entry.Name, 0, right);
            Assert.Equal(left, right);
        }
    }

    [Fact]
    public void Compressed_records_are_refused()
    {
        Pack(CompressionLevel.Optimal);
        AssertRefused("is compressed (method 8)");
    }

    [Fact]
    public void Big_endian_weights_are_refused()
    {
        _records["model/byteorder"] = "big"u8.ToArray();
        Pack();
        AssertRefused("the byte order 'big'");
    }

    [Fact]
    public void A_missing_record_or_one_of_another_length_is_refused()
    {
        byte[] record = _records["model/data/3"];
        _records["model/data/3"] = record[..^4];
        Pack();
        AssertRefused("'model/data/3'");
        _records.Remove("model/data/3");
        Pack();
        AssertRefused("lacks the record 'model/data/3'");
    }

    [Fact]
    public void Another_zip_is_refused_for_what_it_lacks()
    {
        _records.Remove("model/data.pkl");
        Pack();
        AssertRefused("not one of torch.save");
    }

    [Fact]
    public void A_changed_weight_is_found_by_its_checksum()
    {
        Pack();
        byte[] bytes = File.ReadAllBytes(Model);
        int at = bytes.AsSpan().IndexOf(_records["model/data/0"]);
        bytes[at + 100] ^= 1;
        File.WriteAllBytes(Model, bytes);
        using var file = GptModelFile.Open(Model, headCount: 2);
        var error = Assert.Throws<InvalidDataException>(() => file.Read(WeightNames.TokenEmbedding, 0, new float[1]));
        Assert.Contains("the record 'model/data/0' has the checksum", error.Message, StringComparison.Ordinal);
    }

    [Fact] // as in a file of over 4 GB: 64-bit sizes and offsets throughout
    public void A_directory_of_64_bits_is_read()
    {
        Pack();
        byte[] bytes = File.ReadAllBytes(Model);
        int end = bytes.Length - 22, start = (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(end + 16)), count = 0;
        using var file = new MemoryStream();
        file.Write(bytes.AsSpan(0, start));
        for (int at = start; at < end; count++)
        {
            int name = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at + 28)),
                extra = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at + 30));
            byte[] entry = bytes[at..(at + 46 + name)], wide = new byte[28];
            BinaryPrimitives.WriteUInt16LittleEndian(wide, 1);
            BinaryPrimitives.WriteUInt16LittleEndian(wide.AsSpan(2), 24);
            foreach (var (from, to) in new[] { (24, 4), (20, 12), (42, 20) })
            {
                BinaryPrimitives.WriteUInt64LittleEndian(wide.AsSpan(to), BinaryPrimitives.ReadUInt32LittleEndian(entry.AsSpan(from)));
                BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(from), uint.MaxValue);
            }

            BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(30), (ushort)wide.Length);
            file.Write(entry);
            file.Write(wide);
            at += 46 + name + extra;
        }

        long directoryEnd = file.Length;
        byte[] end64 = new byte[56], locator = new byte[20];
        BinaryPrimitives.WriteUInt32LittleEndian(end64, 0x06064B50);
        BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(4), 44);
        BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(24), count);
        BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(32), count);
        BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(40), directoryEnd - start);
        BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(48), start);
        BinaryPrimitives.WriteUInt32LittleEndian(locator, 0x07064B50);
        BinaryPrimitives.WriteInt64LittleEndian(locator.AsSpan(8), directoryEnd);
        BinaryPrimitives.WriteInt32LittleEndian(locator.AsSpan(16), 1);
        file.Write(end64);
        file.Write(locator);
        file.Write(bytes.AsSpan(end, 8));
        file.Write([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]);
        File.WriteAllBytes(Model, file.ToArray());
        using (var check = ZipFile.OpenRead(Model)) Assert.Equal(count, check.Entries.Count);
        Packed_anew_without_compression_is_read();
    }

    public void Dispose() => _directory.Dispose();

    private void Packed_anew_without_compression_is_read()
    {
        using var file = GptModelFile.Open(Model, headCount: 2);
        float[] norm = new float[8];
        file.Read(WeightNames.FinalNormScale, 0, norm);
        Assert.All(norm, value => Assert.NotEqual(0, value));
    }

    private void Pack(CompressionLevel level = CompressionLevel.NoCompression)
    {
        File.Delete(Model);
        using var archive = ZipFile.Open(Model, ZipArchiveMode.Create);
        foreach (var (name, bytes) in _records)
        {
            using var stream = archive.CreateEntry(name, level).Open();
            stream.Write(bytes);
        }
    }

    private void AssertRefused(string reason)
    {
        var error = Assert.Throws<InvalidDataException>(() => GptModelFile.Open(Model, headCount: 2).Dispose());
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(Model, error.Message, StringComparison.Ordinal);
    }
}
