using System.Text;
using System.Text.Json;
using CsCheck;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Safetensors;

namespace MLNet.Gpt.Tests.Formats;

public sealed class SafetensorsFileTests : IDisposable
{
    // Two matrices and a scalar, with metadata and a padded header.
    private static readonly byte[] Small = SafetensorsBytes.Of(
        """{"__metadata__":{"format":"pt","né":"ü"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b.c":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]},"s":{"dtype":"F16","shape":[],"data_offsets":[22,24]}}   """,
        [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 192, 0, 0, 192, 127, 0x80, 0x3F, 0x20, 0xC0, 0x80, 0x7F, 0x00, 0x3C]);

    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void A_header_has_no_more_tensors_than_a_model_can_have()
    {
        string path = System.IO.Path.Combine(_directory.Path, "many.safetensors");
        const string Empty = """{"dtype":"F32","shape":[0],"data_offsets":[0,0]}""";
        string Json(int count) =>
            "{" + string.Join(',', Enumerable.Range(0, count).Select(i => $"\"{i}\":" + Empty)) + "}";
        File.WriteAllBytes(path, SafetensorsBytes.Of(Json(100_001)));
        Assert.Contains(
            "more than 100000 tensors",
            Assert.Throws<InvalidDataException>(() => SafetensorsReader.Open(path)).Message,
            StringComparison.Ordinal);

        File.WriteAllBytes(path, SafetensorsBytes.Of(Json(100_000)));
        using var file = SafetensorsReader.Open(path);
        Assert.Equal(100_000, file.Tensors.Count);
    }

    public static TheoryData<string, string, int> Broken => new()
    {
        { "has 3 bytes, too few", "", -5 },
        { "does not begin with '{'", """ {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4 },
        { "does not begin with '{'", "", 0 },
        { "not the JSON", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""", 4 },
        { "not the JSON", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}x""", 4 },
        { "not the JSON", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],}}""", 4 },
        { "contains 'a' twice", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8 },
        { "contains 'a' twice", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8 },
        { "contains '__metadata__' twice", """{"__metadata__":{},"__metadata__":{}}""", 0 },
        { "metadata contains 'k' twice", """{"__metadata__":{"k":"1","k":"2"}}""", 0 },
        { "'__metadata__' in its header is Number instead of String", """{"__metadata__":{"k":1}}""", 0 },
        { "'a' in its header is Number instead of StartObject", """{"a":1}""", 0 },
        { "unknown element type 'F33'", """{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}""", 4 },
        { "'a' has 'dtype', but", """{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4 },
        { "'a' has 'stride', but", """{"a":{"dtype":"F32","stride":[1],"shape":[1],"data_offsets":[0,4]}}""", 4 },
        { "'a' lacks dtype, shape or data_offsets", """{"a":{"dtype":"F32","shape":[1]}}""", 4 },
        { "'a' lacks dtype, shape or data_offsets of two", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4 },
        { "more than 2 numbers in data_offsets", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", 4 },
        { "in shape that is not an integer", """{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4 },
        { "in shape that is not an integer", """{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}""", 4 },
        { "in data_offsets that is not an integer", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551620]}}""", 4 },
        { "outside the file", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4 },
        { "outside the file", """{"a":{"dtype":"F32","shape":[0],"data_offsets":[4,0]}}""", 4 },
        { "does not have the 4 bytes", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4 },
        { "does not have the 0 bytes", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,0]}}""", 0 },
        { "is too large", """{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}""", 0 },
        { "is too large", """{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0 },
        { "is too large", """{"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}""", 0 },
        { "'b' overlaps", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8 },
        { "'b' leaves 2 bytes", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}""", 5 },
        { "3 bytes at its end", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 5 },
    };

    [Fact] // the bytes of the reference implementation's serialization test
    public void A_file_of_the_reference_implementation_is_read()
    {
        byte[] header = [64, 0, 0, 0, 0, 0, 0, 0, .. """{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}"""u8];
        Assert.Equal(72, header.Length);
        using var file = Open([.. header, .. Enumerable.Range(0, 6).SelectMany(i => BitConverter.GetBytes((float)i))]);
        var tensor = Assert.Single(file.Tensors);
        Assert.Equal(("attn.0", TensorDataType.Float32), (tensor.Name, tensor.DataType));
        Assert.Equal([1, 2, 3], tensor.Shape);
        float[] values = new float[6];
        file.Read("attn.0", 0, values);
        Assert.Equal([0, 1, 2, 3, 4, 5], values);
    }

    [Fact]
    public void Tensors_of_every_floating_type_and_the_metadata_are_read()
    {
        using var file = Open(Small);
        Assert.Equal("ü", file.Metadata["né"]);
        Assert.Equal(["a", "b.c", "s"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([1, 2, -3, float.NaN], Read(file, "a", 4));
        Assert.Equal([1, -2.5f, float.PositiveInfinity], Read(file, "b.c", 3));
        Assert.Equal([1], Read(file, "s", 1));

        float[] middle = new float[2];
        file.Read("a", 1, middle);
        Assert.Equal([2, -3], middle);
    }

    [Fact] // IEEE 754: binary16's largest, smallest normal, smallest subnormal, infinity, −0.
    public void Half_and_double_precision_are_converted()
    {
        using var halves = Open(SafetensorsBytes.Of("""{"h":{"dtype":"F16","shape":[5],"data_offsets":[0,10]}}""", 0xFF, 0x7B, 0x00, 0x04, 0x01, 0x00, 0x00, 0xFC, 0x00, 0x80));
        Assert.Equal([65504, 6.103515625e-05f, 5.9604644775390625e-08f, float.NegativeInfinity, -0f], Read(halves, "h", 5));
        using var doubles = Open(SafetensorsBytes.Of("""{"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}""", BitConverter.GetBytes(0.1)));
        Assert.Equal([0.1f], Read(doubles, "d", 1));
    }

    [Fact]
    public void Empty_tensors_and_a_file_without_tensors_are_allowed()
    {
        using var empty = Open(SafetensorsBytes.Of("""{"e":{"dtype":"F32","shape":[3,0],"data_offsets":[0,0]},"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 7));
        empty.Read("e", 0, []);
        Assert.Equal([3, 0], empty.Find("e")!.Shape);
        using var none = Open(SafetensorsBytes.Of("{}"));
        Assert.Empty(none.Tensors);
    }

    [Fact]
    public void Reading_a_missing_tensor_is_refused_by_name()
    {
        using var file = Open(SafetensorsBytes.Of("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"i":{"dtype":"I32","shape":[1],"data_offsets":[8,12]}}""", new byte[12]));
        Assert.Contains(
            "'y'", Assert.Throws<KeyNotFoundException>(() => file.Read("y", 0, new float[1])).Message, StringComparison.Ordinal);
        foreach (var (start, length) in new (long, int)[] { (0, 3), (1, 2), (-1, 1), (3, 0), (long.MaxValue, 1) })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => file.Read("x", start, new float[length]));
        }

        Assert.Contains(
            "'i' I32 (1)",
            Assert.Throws<InvalidOperationException>(() => file.Read("i", 0, new float[1])).Message,
            StringComparison.Ordinal);
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Read("x", 0, new float[1]));
    }

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_damaged_file_is_refused_with_its_name_and_the_reason(string reason, string json, int dataLength)
    {
        string path = Write(dataLength < 0 ? [1, 2, 3] : SafetensorsBytes.Of(json, new byte[dataLength]));
        var error = Assert.Throws<InvalidDataException>(() => SafetensorsReader.Open(path));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue, "at most 100000000 are allowed")]
    [InlineData(1UL << 63, "at most 100000000 are allowed")]
    [InlineData(100_000_001UL, "at most 100000000 are allowed")]
    [InlineData(1000UL, "only 2 follow")]
    public void A_header_longer_than_the_file_or_the_limit_is_refused(ulong length, string reason)
    {
        string path = Write([.. BitConverter.GetBytes(length), (byte)'{', (byte)'}']);
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => SafetensorsReader.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_truncated_at_any_byte_is_refused()
    {
        for (int length = 0; length < Small.Length; length++)
        {
            string path = Write(Small[..length]);
            Assert.Throws<InvalidDataException>(() => SafetensorsReader.Open(path));
        }
    }

    [Fact]
    public void Text_that_is_not_Unicode_is_refused()
    {
        foreach (string name in (string[])["\xFF", "\xC3", "\\ud800"])
        {
            byte[] json = Encoding.Latin1.GetBytes("{\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}");
            string path = Write(SafetensorsBytes.Of(json, []));
            Assert.Throws<InvalidDataException>(() => SafetensorsReader.Open(path));
        }
    }

    [Fact]
    public void Deeply_nested_JSON_is_refused()
    {
        string path = Write(SafetensorsBytes.Of(string.Concat(Enumerable.Repeat("{\"a\":", 100_000))));
        Assert.Throws<InvalidDataException>(() => SafetensorsReader.Open(path));
    }

    [Fact] // only on the header's bytes, because a file for each would take a minute
    public void Damaged_bytes_are_refused_or_leave_a_consistent_header()
    {
        int headerLength = Small.Length - 24;
        var change = Gen.Select(Gen.Int[0, headerLength - 1], Gen.Byte);
        change.Array[1, 4].Sample(
            changes =>
            {
                byte[] bytes = [.. Small];
                foreach (var (at, value) in changes) bytes[at] = value;
                try
                {
                    int length = SafetensorsHeader.ReadLength("test", bytes.AsSpan(0, 8), bytes.Length);
                    AssertHoldsTogether(bytes, SafetensorsHeader.Parse("test", bytes.AsSpan(8, length), bytes.Length));
                }
                catch (InvalidDataException)
                {
                    // Refused, as it should be.
                }
            },
            iter: 20_000);
    }

    [Fact]
    public void A_file_truncated_by_another_program_throws_an_exception()
    {
        string path = Write(Small);
        using var file = SafetensorsReader.Open(path);
        if (OperatingSystem.IsWindows()) return; // Windows forbids it while the file is open.
        using (
            var stream = new FileStream(
                path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete)) stream.SetLength(Small.Length - 10);
        Assert.Contains(
            "truncated", Assert.Throws<InvalidDataException>(() => file.Read("b.c", 0, new float[3])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_beyond_two_and_four_gigabytes_are_found()
    {
        // A sparse file: only the header and the end take space.
        const long Count = 1_200_000_000;
        string path = Path.Combine(_directory.Path, "large.safetensors");
        byte[] header = SafetensorsBytes.Of($$$"""
            {"big":{"dtype":"F32","shape":[{{{Count}}}],"data_offsets":[0,{{{4 * Count}}}]},
             "end":{"dtype":"F32","shape":[2],"data_offsets":[{{{4 * Count}}},{{{(4 * Count) + 8}}}]}}
            """);
        using (var stream = new FileStream(path, FileMode.CreateNew))
        {
            stream.Write(header);
            stream.Position = header.Length + (4 * (Count - 1));
            stream.Write([.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(2f), .. BitConverter.GetBytes(3f)]);
        }

        using var file = SafetensorsReader.Open(path);
        float[] values = new float[2];
        file.Read("big", Count - 2, values);
        Assert.Equal([0, 1], values);
        file.Read("end", 0, values);
        Assert.Equal([2, 3], values);
    }

    [Fact]
    public void Many_threads_read_one_file()
    {
        float[] values = [.. Enumerable.Range(0, 50_000).Select(i => (float)i)];
        using var file = Open(SafetensorsBytes.Of("""{"x":{"dtype":"F32","shape":[50000],"data_offsets":[0,200000]}}""", [.. values.SelectMany(BitConverter.GetBytes)]));
        Parallel.For(0, 200, i =>
        {
            float[] part = new float[100];
            file.Read("x", i * 249, part);
            Assert.Equal(values[(i * 249)..((i * 249) + 100)], part);
        });
    }

    public void Dispose() => _directory.Dispose();

    // Parsed by the platform's JSON parser, not by the code under test.
    private static void AssertHoldsTogether(byte[] bytes, SafetensorsHeader header)
    {
        int headerLength = (int)BitConverter.ToUInt64(bytes);
        using var document = JsonDocument.Parse(
            bytes.AsMemory(8, headerLength), new JsonDocumentOptions { AllowDuplicateProperties = false });
        int dataLength = bytes.Length - 8 - headerLength, covered = 0;
        foreach (var property in document.RootElement.EnumerateObject())
        {
            if (property.Name == "__metadata__") continue;
            int size = property.Value.GetProperty("dtype")
                .GetString() switch { "F32" or "I32" => 4, "F64" or "I64" => 8, "BF16" or "F16" or "I16" => 2, _ => 1 };
            int count = property.Value.GetProperty("shape")
                .EnumerateArray()
                .Aggregate(1, (product, dimension) => product * dimension.GetInt32());
            int[] offsets = [.. property.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt32())];
            Assert.Equal(size * count, offsets[1] - offsets[0]);
            Assert.InRange(offsets[1], 0, dataLength);
            covered += size * count;
            Assert.Equal(count, header.Tensors.Single(tensor => tensor.Name == property.Name).ElementCount);
        }

        Assert.Equal(dataLength, covered);
    }

    private static float[] Read(SafetensorsReader file, string name, int count)
    {
        float[] values = new float[count];
        file.Read(name, 0, values);
        return values;
    }

    private SafetensorsReader Open(byte[] bytes) => SafetensorsReader.Open(Write(bytes));

    private string Write(byte[] bytes, string name = "test.safetensors")
    {
        string path = Path.Combine(_directory.Path, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
