using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>The index of a model whose weights are in several files: which file contains which tensor.</summary>
internal sealed class ShardIndex
{
    /// <summary>The property that maps tensors to files.</summary>
    public const string MapKey = "weight_map";

    private const int SizeLimit = 64 << 20;
    private const int MostShards = 1000;

    private readonly string _path;
    private readonly Dictionary<string, string> _shardOf;

    private ShardIndex(string path, Dictionary<string, string> shardOf)
    {
        _path = path;
        _shardOf = shardOf;
        Shards = [.. shardOf.Values.Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Names of the files, all in the index's own folder.</summary>
    public IReadOnlyList<string> Shards { get; }

    /// <summary>The folder that all files are in.</summary>
    public string Folder => Path.GetDirectoryName(_path)!;

    /// <summary>Reads an index.</summary>
    /// <exception cref="InvalidDataException">
    /// It is not such an index, or a file name leads out of the folder.
    /// </exception>
    public static ShardIndex Read(PositionedFile file)
    {
        string path = file.Path;
        var index = JsonFile.Read(file, SizeLimit, root => new ShardIndex(path, root.GetProperty(MapKey).EnumerateObject().ToDictionary(
            property => property.Name,
            property => property.Value.GetString() ?? throw new JsonException($"'{property.Name}' has no file."))));
        foreach (string shard in index.Shards)
        {
            if (shard is "" or "." or ".." || shard.AsSpan().IndexOfAny("/\\:\0") >= 0)
            {
                throw new InvalidDataException($"'{path}' names the file '{shard}', which is not the plain name of a file next to it.");
            }
        }

        if (index.Shards.Count > MostShards)
        {
            throw new InvalidDataException($"'{path}' names {index.Shards.Count} files; at most {MostShards} are opened.");
        }

        return index;
    }

    /// <summary>Checks that a file contains exactly the tensors that the index assigns to it.</summary>
    public IEnumerable<FileTensor> Check(string shard, IEnumerable<FileTensor> tensors)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (tensor.IsAlias)
            {
                yield return tensor;
                continue;
            }

            if (_shardOf.GetValueOrDefault(tensor.Name) != shard)
            {
                throw new InvalidDataException($"'{tensor.File}' contains '{tensor.Name}', which '{_path}' does not assign to it.");
            }

            found.Add(tensor.Name);
            yield return tensor;
        }

        foreach (var (name, file) in _shardOf)
        {
            if (file == shard && !found.Contains(name))
            {
                throw new InvalidDataException($"'{_path}' assigns '{name}' to '{shard}', which lacks it.");
            }
        }
    }
}
