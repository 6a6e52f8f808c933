using System.Buffers.Binary;
using System.Text;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>The container that torch.save writes a pickle and storages to.</summary>
internal interface ITorchContainer
{
    /// <summary>The name of the container format.</summary>
    string Format { get; }

    /// <summary>The saved object.</summary>
    object? Root { get; }

    /// <summary>Every storage that the object refers to; the container has no others.</summary>
    IReadOnlyDictionary<string, StorageReference> Storages { get; }

    /// <summary>Finds a storage.</summary>
    /// <exception cref="InvalidDataException">It is missing, or its length differs from that in the pickle.</exception>
    TorchStorage Find(StorageReference storage);
}

/// <summary>
/// The format of torch.save since version 1.6: a zip archive with the pickle in one record and each storage in another.
/// </summary>
internal sealed class ZipTorchFile : ITorchContainer
{
    private const string PickleName = "/" + PyTorchConstants.PickleRecord;
    private const int LongestPickle = 16 << 20;

    private readonly PositionedFile _file;
    private readonly ZipDirectory _directory;
    private readonly string _folder;

    public ZipTorchFile(PositionedFile file)
    {
        _file = file;
        _directory = ZipDirectory.Read(file);
        ZipRecord[] pickles = [
            .. _directory.Records.Values.Where(
                record =>
                    record.Name.EndsWith(PickleName, StringComparison.Ordinal)
                        && record.Name.IndexOf('/', StringComparison.Ordinal) == record.Name.Length - PickleName.Length)
        ];
        if (pickles is not [var pickle])
        {
            throw new InvalidDataException(
                $"'{file.Path}' is a zip archive, but not one of torch.save: it contains {pickles.Length} records "
                + $"'*{PickleName}' instead of one.");
        }

        _folder = pickle.Name[..^PickleName.Length];
        if (_directory.Records.TryGetValue($"{_folder}/{PyTorchConstants.ByteOrderRecord}", out var order)
            && Encoding.UTF8.GetString(_directory.ReadAll(order, 16)) is not "little" and string found)
        {
            throw new InvalidDataException($"'{file.Path}' was written with the byte order '{found}'; only 'little' is supported.");
        }

        var unpickler = new PickleSequence(file.Path, _directory.ReadAll(pickle, LongestPickle));
        Root = unpickler.Next();
        Storages = unpickler.Storages;
        string data = NameOf("");
        if (
            _directory.Records.Keys.FirstOrDefault(
                name => name.StartsWith(data, StringComparison.Ordinal) && !Storages.ContainsKey(name[data.Length..])) is { } surplus)
        {
            throw new InvalidDataException($"'{file.Path}' contains the record '{surplus}', which no tensor refers to.");
        }
    }

    public string Format => "PyTorch zip";

    public object? Root { get; }

    public IReadOnlyDictionary<string, StorageReference> Storages { get; }

    public TorchStorage Find(StorageReference storage)
    {
        string name = NameOf(storage.Key);
        if (!_directory.Records.TryGetValue(name, out var record))
        {
            throw new InvalidDataException($"'{_file.Path}' lacks the record '{name}' that a tensor refers to.");
        }

        long length = record.Length, size = storage.DataType.BlockSize();
        if (length % size != 0 || length / size != storage.Count)
        {
            throw new InvalidDataException(
                $"'{_file.Path}' has {Quantity.Of(length, "byte")} in '{name}'; "
                + $"{Quantity.Of(storage.Count, "element")} of {storage.DataType.ShortName()} would be right.");
        }

        long start = _directory.Locate(record);
        return new(start, length, _directory.Region(record, start));
    }

    private string NameOf(string key) => $"{_folder}/{PyTorchConstants.DataFolder}{key}";
}

/// <summary>
/// The format of torch.save before version 1.6: consecutive pickles (a magic number, a version, the writer's system,
/// the object, the storages' keys), then the storages.
/// </summary>
internal sealed class LegacyTorchFile : ITorchContainer
{
    private const string Mark = "119547037146038801333356"; // 0x1950A86A20F9469CFC6C
    private const long Version = 1001;
    private const int LongestPickles = 16 << 20;

    private readonly PositionedFile _file;
    private readonly Dictionary<string, (long Offset, long Length)> _storages = new(StringComparer.Ordinal);

    public LegacyTorchFile(PositionedFile file)
    {
        _file = file;
        byte[] start = file.Read(0, (int)Math.Min(file.Length, LongestPickles));
        var unpickler = new PickleSequence(file.Path, start);
        if (unpickler.Next() is not Mark) throw Invalid("it does not begin with torch.save's magic number");
        if (unpickler.Next() is not Version) throw Invalid($"its version is not {Version}");
        if (unpickler.Next() is not PickleDictionary system || system["little_endian"] is not true)
        {
            throw Invalid("its writer's system is not little-endian");
        }

        Root = unpickler.Next();
        if (unpickler.Next() is not List<object?> keys) throw Invalid("it does not list its storages");
        Storages = unpickler.Storages;
        Index(keys, unpickler.Position);
    }

    public string Format => "PyTorch legacy";

    public object? Root { get; }

    public IReadOnlyDictionary<string, StorageReference> Storages { get; }

    /// <summary>
    /// Returns whether a file that begins like this has this format, or is another pickle: the magic number is a pickle
    /// of protocol 2.
    /// </summary>
    public static bool Begins(ReadOnlySpan<byte> start) => start.Length >= 2 && start[0] == 0x80 && start[1] is >= 2 and <= 5;

    public TorchStorage Find(StorageReference storage)
    {
        if (!_storages.TryGetValue(storage.Key, out var place))
        {
            throw Invalid($"it lacks the storage '{storage.Key}' that a tensor refers to");
        }

        if (place.Length != storage.Count)
        {
            throw Invalid($"its storage '{storage.Key}' has {Quantity.Of(place.Length, "element")} instead of {storage.Count}");
        }

        return new(place.Offset, storage.Count * storage.DataType.BlockSize(), null);
    }

    // They are consecutive, each preceded by its length but not its type.
    private void Index(List<object?> keys, long offset)
    {
        Span<byte> count = stackalloc byte[8];
        foreach (object? key in keys)
        {
            if (key is not string name) throw Invalid("the key of a storage is not a string");
            if (!Storages.TryGetValue(name, out var reference)) throw Invalid($"no tensor refers to its storage '{name}'");
            int size = reference.DataType.BlockSize();
            if (offset > _file.Length - count.Length) throw Invalid($"it ends before its storage '{name}'");
            _file.Fill(count, offset);
            offset += count.Length;
            long elements = BinaryPrimitives.ReadInt64LittleEndian(count);
            if (elements < 0 || elements > (_file.Length - offset) / size)
            {
                throw Invalid($"its storage '{name}' of {Quantity.Of(elements, "element")} extends past the end of the file");
            }

            if (!_storages.TryAdd(name, (offset, elements))) throw Invalid($"it lists the storage '{name}' twice");
            offset += elements * size;
        }

        if (offset != _file.Length) throw Invalid($"no storage has the {Quantity.Of(_file.Length - offset, "byte")} at its end");
    }

    private InvalidDataException Invalid(string problem) => new($"'{_file.Path}' is not a usable PyTorch file: {problem}.");
}

/// <summary>The place of a storage's elements.</summary>
/// <param name="Offset">Their offset in the file.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Region">Their checksummed region, or <see langword="null"/> if the format has no checksums.</param>
internal sealed record TorchStorage(long Offset, long Length, ChecksummedRegion? Region);
