using System.Buffers.Binary;
using System.Text.Json;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Safetensors;

/// <summary>
/// The header of a safetensors file: 8 bytes of length, then that many bytes of JSON with each tensor's name, type,
/// shape and offsets. Treated as input that may be damaged or hostile. Source: the format's specification in Hugging
/// Face's safetensors repository.
/// </summary>
internal sealed class SafetensorsHeader
{
    private readonly string _file;
    private readonly long _dataOffset;
    private readonly long _dataLength;
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly List<SafetensorsTensor> _tensors = [];

    private SafetensorsHeader(string file, long dataOffset, long dataLength)
    {
        _file = file;
        _dataOffset = dataOffset;
        _dataLength = dataLength;
    }

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>The tensors in the order of their bytes.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors => _tensors;

    /// <summary>Returns the length of the JSON from the first 8 bytes.</summary>
    /// <exception cref="InvalidDataException">It exceeds the file's length or the limit.</exception>
    public static int ReadLength(string file, ReadOnlySpan<byte> start, long fileLength)
    {
        if (start.Length < SafetensorsConstants.LengthSize)
        {
            throw Invalid(
                file, $"it has {Quantity.Of(fileLength, "byte")}, too few for the {SafetensorsConstants.LengthSize} of a header's length.");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        if (length > SafetensorsConstants.MaximumLength)
        {
            throw Invalid(file, $"its header claims {length} bytes; at most {SafetensorsConstants.MaximumLength} are allowed.");
        }

        if (length > (ulong)(fileLength - SafetensorsConstants.LengthSize))
        {
            throw Invalid(
                file,
                $"its header claims {Quantity.Of((long)length, "byte")}, but only {fileLength - SafetensorsConstants.LengthSize} follow: "
                + "the file is truncated or of another format.");
        }

        return (int)length;
    }

    /// <summary>Reads the JSON and checks that the tensors cover the rest of the file exactly once.</summary>
    /// <exception cref="InvalidDataException">
    /// The header violates the format; the message names the file, the tensor and the rule.
    /// </exception>
    public static SafetensorsHeader Parse(string file, ReadOnlySpan<byte> json, long fileLength)
    {
        var header = new SafetensorsHeader(
            file, SafetensorsConstants.LengthSize + json.Length, fileLength - SafetensorsConstants.LengthSize - json.Length);
        try
        {
            header.Parse(json);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            // Invalid Unicode surfaces as InvalidOperationException.
            throw Invalid(file, $"its header is not the JSON that the format requires: {error.Message}", error);
        }

        header.CheckPlaces();
        return header;
    }

    private static InvalidDataException Invalid(string file, string problem, Exception? inner = null) =>
        new($"'{file}' is not a usable safetensors file: {problem}", inner);

    private void Parse(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty || json[0] != '{') throw Invalid(_file, "its header does not begin with '{'.");
        var names = new HashSet<string>(StringComparer.Ordinal);
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        reader.Read();
        while (NextProperty(ref reader, out string name))
        {
            if (!names.Add(name)) throw Invalid(_file, $"its header contains '{name}' twice.");
            if (_tensors.Count == SafetensorsConstants.MostTensors)
            {
                throw Invalid(_file, $"it has more than {SafetensorsConstants.MostTensors} tensors.");
            }

            if (name == SafetensorsConstants.MetadataKey) ParseMetadata(ref reader);
            else _tensors.Add(ParseTensor(ref reader, name));
        }

        if (reader.Read()) throw Invalid(_file, "its header continues after its end.");
    }

    private void ParseMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, SafetensorsConstants.MetadataKey);
        while (NextProperty(ref reader, out string key))
        {
            Expect(ref reader, JsonTokenType.String, SafetensorsConstants.MetadataKey);
            if (!_metadata.TryAdd(key, reader.GetString()!)) throw Invalid(_file, $"its metadata contains '{key}' twice.");
        }
    }

    private SafetensorsTensor ParseTensor(ref Utf8JsonReader reader, string name)
    {
        TensorDataType? type = null;
        List<long>? shape = null, offsets = null;
        Expect(ref reader, JsonTokenType.StartObject, name);
        while (NextProperty(ref reader, out string key))
        {
            switch (key)
            {
                case "dtype" when type is null:
                    Expect(ref reader, JsonTokenType.String, name);
                    string code = reader.GetString()!;
                    type = SafetensorsConstants.TypeOf(code)
                        ?? throw Invalid(_file, $"tensor '{name}' has the unknown element type '{code}'.");
                    break;
                case "shape" when shape is null:
                    shape = ParseNumbers(ref reader, name, key, 64);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ParseNumbers(ref reader, name, key, 2);
                    break;
                default:
                    throw Invalid(_file, $"tensor '{name}' has '{key}', but only one each of dtype, shape and data_offsets is allowed.");
            }
        }

        if (type is null || shape is null || offsets is not [long begin, long end])
        {
            throw Invalid(_file, $"tensor '{name}' lacks dtype, shape or data_offsets of two numbers.");
        }

        if (begin > end || end > _dataLength)
        {
            throw Invalid(_file, $"tensor '{name}' is at bytes {begin} to {end} of {_dataLength} bytes of data: outside the file.");
        }

        Int128 size = type.Value.BlockSize();
        foreach (long dimension in shape)
        {
            size *= dimension;
            if (size > long.MaxValue)
            {
                throw Invalid(_file, $"tensor '{name}' of shape ({string.Join(", ", shape)}) is too large.");
            }
        }

        if (size != end - begin)
        {
            throw Invalid(
                _file,
                $"tensor '{name}' of shape "
                + $"({string.Join(", ", shape)}) and type {type.Value.ShortName()} does not have "
                + $"the {Quantity.Of(end - begin, "byte")} between its offsets.");
        }

        return new(name, type.Value, shape.AsReadOnly()) { FileOffset = _dataOffset + begin };
    }

    private List<long> ParseNumbers(ref Utf8JsonReader reader, string name, string key, int most)
    {
        Expect(ref reader, JsonTokenType.StartArray, name);
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || number < 0)
            {
                throw Invalid(_file, $"tensor '{name}' has something in {key} that is not an integer from 0 to 2^63 − 1.");
            }

            if (numbers.Count == most) throw Invalid(_file, $"tensor '{name}' has more than {most} numbers in {key}.");
            numbers.Add(number);
        }

        return numbers;
    }

    // Every byte of data belongs to exactly one tensor: none overlap, and there are no gaps that could hide anything.
    private void CheckPlaces()
    {
        _tensors.Sort((a, b) => a.FileOffset != b.FileOffset ? a.FileOffset.CompareTo(b.FileOffset) : End(a).CompareTo(End(b)));
        long place = _dataOffset;
        foreach (var tensor in _tensors)
        {
            if (tensor.FileOffset != place)
            {
                string problem = tensor.FileOffset < place
                    ? "overlaps the tensor before it"
                    : $"leaves {Quantity.Of(tensor.FileOffset - place, "byte")} before it unused";
                throw Invalid(_file, $"tensor '{tensor.Name}' {problem}.");
            }

            place = End(tensor);
        }

        if (place != _dataOffset + _dataLength)
        {
            throw Invalid(_file, $"no tensor has the {Quantity.Of(_dataOffset + _dataLength - place, "byte")} at its end.");
        }

        static long End(SafetensorsTensor tensor) => tensor.FileOffset + (tensor.ElementCount * tensor.DataType.BlockSize());
    }

    private void Expect(ref Utf8JsonReader reader, JsonTokenType type, string name)
    {
        if (!reader.Read() || reader.TokenType != type)
        {
            throw Invalid(_file, $"'{name}' in its header is {reader.TokenType} instead of {type}.");
        }
    }

    private static bool NextProperty(ref Utf8JsonReader reader, out string name)
    {
        name = "";
        if (!reader.Read() || reader.TokenType != JsonTokenType.PropertyName) return false;
        name = reader.GetString()!;
        return true;
    }
}

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its key.</param>
/// <param name="DataType">How its elements are stored.</param>
/// <param name="Shape">Sizes of its dimensions, outermost first; empty for a scalar.</param>
internal sealed record SafetensorsTensor(string Name, TensorDataType DataType, IReadOnlyList<long> Shape)
{
    /// <summary>Number of elements; checked against the file when it is opened.</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, size) => checked(product * size));

    /// <summary>The offset of its bytes in the file.</summary>
    internal long FileOffset { get; init; }

    /// <summary>Names the tensor for a message.</summary>
    public override string ToString() => $"'{Name}' {DataType.ShortName()} ({string.Join(", ", Shape)})";
}
