using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>
/// An open GGUF file: metadata, then a list of tensors, then their data at multiples of an alignment. Source: the
/// format's specification in ggml's <c>docs/gguf.md</c>.
/// </summary>
internal sealed class GgufReader
{
    private const int MostPairs = 1 << 16;
    private const int MostTensors = 1 << 16;
    private const int MostDimensions = 4;
    private const int LargestAlignment = 1 << 20;

    private readonly PositionedFile _file;
    private readonly GgufHeaderReader _reader;
    private readonly Dictionary<string, object> _metadata = new(StringComparer.Ordinal);

    private GgufReader(PositionedFile file)
    {
        _file = file;
        _reader = new GgufHeaderReader(file);
        _reader.UInt32(); // the magic number, which has been checked
        uint version = _reader.UInt32();
        if (version is not (2 or 3))
        {
            throw _reader.Invalid(
                version % 0x1000000 == 0
                    ? "it is big-endian; only little-endian is supported"
                    : $"it is of version {version}; only 2 and 3 are supported");
        }

        Version = (int)version;
        int tensors = _reader.Count(MostTensors, "tensors"), pairs = _reader.Count(MostPairs, "pairs of metadata");
        for (int i = 0; i < pairs; i++)
        {
            string key = _reader.Text();
            if (!_metadata.TryAdd(key, _reader.Value())) throw _reader.Invalid($"it contains the metadata '{key}' twice");
        }

        Tensors = ReadTensors(tensors);
    }

    /// <summary>The version of the format.</summary>
    public int Version { get; }

    /// <summary>The tensors in the order of the list.</summary>
    public IReadOnlyList<FileTensor> Tensors { get; }

    /// <exception cref="InvalidDataException">The file is damaged; the message names the tensor or the metadata.</exception>
    public static GgufReader Open(PositionedFile file) => new(file);

    /// <summary>Returns metadata of a type, or the default if the key is absent.</summary>
    /// <exception cref="InvalidDataException">The metadata are of another type.</exception>
    public T? Optional<T>(string key) => !_metadata.TryGetValue(key, out object? value)
        ? default
        : value is T typed ? typed : throw _reader.Invalid($"its metadata '{key}' have the wrong type");

    /// <summary>Returns a required integer.</summary>
    public int Integer(string key) => OptionalInteger(key) ?? throw _reader.Invalid($"it lacks the metadata '{key}'");

    /// <summary>Returns an optional integer.</summary>
    public int? OptionalInteger(string key) => Optional<long?>(key) is not { } value
        ? null
        : value is >= 0 and <= int.MaxValue ? (int)value : throw _reader.Invalid($"its metadata '{key}' are {value}");

    private List<FileTensor> ReadTensors(int count)
    {
        var infos = new List<GgufTensorInfo>();
        for (int i = 0; i < count; i++) infos.Add(ReadInfo());
        int alignment = OptionalInteger(GgufConstants.AlignmentKey) ?? GgufConstants.Alignment;
        if (alignment is 0 or > LargestAlignment || !int.IsPow2(alignment))
        {
            throw _reader.Invalid($"its alignment is {alignment}; it must be a power of 2 up to {LargestAlignment}");
        }

        long dataOffset = AlignUp(_reader.Position, alignment);
        CheckPlaces(infos, dataOffset, alignment);
        return [.. infos.Select(info => new FileTensor(
            _file.Path,
            info.Name,
            info.Type,
            info.Shape,
            info.ByteCount,
            ElementsAt(info.Type, dataOffset + info.Offset)))];
    }

    private ITensorElements ElementsAt(TensorDataType type, long offset) =>
        type.BlockLength() > 1 ? new BlockElements(_file, offset, type) : new PlainElements(_file, offset, type);

    private GgufTensorInfo ReadInfo()
    {
        string name = _reader.Text();
        uint dimensions = _reader.UInt32();
        if (dimensions is 0 or > MostDimensions)
        {
            throw _reader.Invalid($"its tensor '{name}' has {dimensions} dimensions; it must have from 1 to {MostDimensions}");
        }

        long[] shape = new long[dimensions];
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            shape[i] = _reader.UInt64() is > 0 and <= long.MaxValue and var size
                ? (long)size
                : throw _reader.Invalid($"its tensor '{name}' has a dimension of impossible size");
        }

        uint code = _reader.UInt32();
        ulong offset = _reader.UInt64();
        if (GgufConstants.TypeOf(code) is not { } type)
        {
            throw _reader.Invalid(
                $"its tensor '{name}' is of type {GgufConstants.NameOf(code)}; "
                + $"the types that can be read are {GgufConstants.ReadableTypes}");
        }

        int blockLength = type.BlockLength();
        if (shape[^1] % blockLength != 0)
        {
            throw _reader.Invalid(
                $"its tensor '{name}' of type {type.ShortName()} has rows of {shape[^1]} elements, which are not whole "
                + $"blocks of {blockLength}");
        }

        Int128 bytes = type.BlockSize();
        foreach (long size in shape)
        {
            bytes *= size;
            if (bytes / blockLength > long.MaxValue)
            {
                throw _reader.Invalid($"its tensor '{name}' of shape ({string.Join(", ", shape)}) is too large");
            }
        }

        return offset <= long.MaxValue
            ? new(name, shape, type, (long)offset, (long)(bytes / blockLength))
            : throw _reader.Invalid($"its tensor '{name}' is outside the file");
    }

    // Tensors follow each other, each at the next multiple of the alignment, with nothing after the last.
    private void CheckPlaces(List<GgufTensorInfo> infos, long dataOffset, int alignment)
    {
        long end = 0, room = _file.Length - dataOffset;
        if (infos.Find(info => info.Offset > room || info.ByteCount > room - info.Offset) is { } stray)
        {
            throw _reader.Invalid(
                $"its tensor '{stray.Name}' of {Quantity.Of(stray.ByteCount, "byte")} at {stray.Offset} is outside the file");
        }

        foreach (var info in infos.OrderBy(info => info.Offset))
        {
            if (info.Offset < end) throw _reader.Invalid($"its tensor '{info.Name}' overlaps the one before it");
            if (info.Offset != AlignUp(end, alignment))
            {
                throw _reader.Invalid(
                    $"its tensor '{info.Name}' does not begin at the next multiple of {alignment} after the one before it");
            }

            end = info.Offset + info.ByteCount;
        }

        if (AlignUp(end, alignment) < room) throw _reader.Invalid($"no tensor has the {Quantity.Of(room - end, "byte")} at its end");
    }

    private static long AlignUp(long position, int alignment) => checked(position + alignment - 1) / alignment * alignment;
}

/// <summary>An entry in the list of tensors.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Shape">Sizes, outermost first, the reverse of the order in the file.</param>
/// <param name="Type">How its elements are stored.</param>
/// <param name="Offset">Its offset in the data.</param>
/// <param name="ByteCount">Its size in bytes.</param>
internal sealed record GgufTensorInfo(string Name, long[] Shape, TensorDataType Type, long Offset, long ByteCount);
