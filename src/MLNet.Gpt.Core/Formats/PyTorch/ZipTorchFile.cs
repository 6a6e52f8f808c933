using System.Text;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>What torch.save writes since version 1.6: a zip archive with the pickle in one record and each storage in another.</summary>
internal sealed class ZipTorchFile : ITorchContainer
{
    private const string PickleName = "/data.pkl";
    private const int LongestPickle = 16 << 20;

    private readonly PositionedFile _file;
    private readonly ZipDirectory _directory;
    private readonly string _folder;

    public ZipTorchFile(PositionedFile file)
    {
        _file = file;
        _directory = ZipDirectory.Read(file);
        ZipRecord[] pickles = [.. _directory.Records.Values.Where(record => record.Name.EndsWith(PickleName, StringComparison.Ordinal) && record.Name.IndexOf('/', StringComparison.Ordinal) == record.Name.Length - PickleName.Length)];
        if (pickles is not [var pickle])
        {
            throw new InvalidDataException($"'{file.Path}' is a zip archive, but not one of torch.save: it holds {pickles.Length} records '*{PickleName}' where one belongs.");
        }

        _folder = pickle.Name[..^PickleName.Length];
        if (_directory.Records.TryGetValue(_folder + "/byteorder", out var order) && Encoding.UTF8.GetString(_directory.ReadAll(order, 16)) is not "little" and string found)
        {
            throw new InvalidDataException($"'{file.Path}' was written with the byte order '{found}'; 'little' is read.");
        }

        var unpickler = new PickleSequence(file.Path, _directory.ReadAll(pickle, LongestPickle));
        Root = unpickler.Next();
        Storages = unpickler.Storages;
        string data = NameOf("");
        if (_directory.Records.Keys.FirstOrDefault(name => name.StartsWith(data, StringComparison.Ordinal) && !Storages.ContainsKey(name[data.Length..])) is { } surplus)
        {
            throw new InvalidDataException($"'{file.Path}' holds the record '{surplus}', which no tensor refers to.");
        }
    }

    public string Format => "PyTorch zip";

    public object? Root { get; }

    public IReadOnlyDictionary<string, StorageReference> Storages { get; }

    public TorchStorage Find(StorageReference storage)
    {
        string name = NameOf(storage.Key);
        if (!_directory.Records.TryGetValue(name, out var record)) throw new InvalidDataException($"'{_file.Path}' lacks the record '{name}' that a tensor refers to.");
        long length = record.Length, size = storage.DataType.Size();
        if (length % size != 0 || length / size != storage.Count)
        {
            throw new InvalidDataException($"'{_file.Path}' has {length} bytes in '{name}'; {storage.Count} elements of {storage.DataType.Code()} belong there.");
        }

        long start = _directory.Locate(record);
        return new(start, length, _directory.Region(record, start));
    }

    private string NameOf(string key) => $"{_folder}/data/{key}";
}
