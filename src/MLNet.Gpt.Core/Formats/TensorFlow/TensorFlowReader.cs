using System.Globalization;
using System.Text;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.TensorFlow;

/// <summary>
/// A TensorFlow checkpoint: an index, <c>NAME.index</c>, and files of data, <c>NAME.data-00000-of-00001</c> and so on,
/// next to it. Source: TensorFlow's <c>tensor_bundle.h</c>.
/// </summary>
internal static class TensorFlowReader
{
    private const int LongestIndex = 64 << 20;
    private const int MostShards = 1000;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Returns every tensor of a checkpoint.</summary>
    /// <param name="index">The index; its name ends in <c>.index</c>.</param>
    /// <param name="files">Receives the data files.</param>
    /// <exception cref="InvalidDataException">The checkpoint is damaged; the message names the file and the tensor.</exception>
    public static IReadOnlyList<FileTensor> Read(PositionedFile index, OpenFiles files)
    {
        string indexPath = index.Path;
        if (!indexPath.EndsWith(TensorFlowConstants.IndexEnding, StringComparison.Ordinal))
        {
            throw new InvalidDataException(
                $"'{indexPath}' is the index of a TensorFlow checkpoint, whose name must end in '{TensorFlowConstants.IndexEnding}' "
                + "so that its data can be found.");
        }

        string prefix = indexPath[..^TensorFlowConstants.IndexEnding.Length];
        var entries = SortedTable.Read(indexPath, index.ReadAll(LongestIndex));
        try
        {
            if (entries is not [([], var header), ..]) throw new FormatException("it has no header");
            int shards = ReadHeader(header);
            PositionedFile[] data = [.. Enumerable.Range(0, shards).Select(shard => files.Add(PositionedFile.Open(
                string.Create(CultureInfo.InvariantCulture, $"{prefix}.data-{shard:00000}-of-{shards:00000}"))))];
            List<(BundleEntry Entry, string Name)> tensors = [
                .. entries.Skip(1).Select(entry => (ReadEntry(entry.Key, entry.Value, data), StrictUtf8.GetString(entry.Key)))
            ];
            CheckApart(tensors, data);
            return [.. tensors.Select(tensor => Tensor(data[tensor.Entry.Shard], tensor.Name, tensor.Entry))];
        }
        catch (Exception error) when (error is FormatException or DecoderFallbackException)
        {
            throw new InvalidDataException($"'{indexPath}' is not a usable TensorFlow checkpoint index: {error.Message}.", error);
        }
    }

    private static int ReadHeader(ReadOnlySpan<byte> bytes)
    {
        ulong shards = 0, order = 0;
        for (var header = new ProtocolBuffer(bytes); header.Next();)
        {
            if (header is { Field: 1, HasBytes: false }) shards = header.Number;
            else if (header is { Field: 2, HasBytes: false }) order = header.Number;
            else if (header is { Field: 3, HasBytes: true }) CheckVersion(header.Bytes);
            else throw new FormatException($"its header has the unknown field {header.Field}");
        }

        if (order != 0) throw new FormatException("it is big-endian; only little-endian is supported");
        return shards is > 0 and <= MostShards
            ? (int)shards
            : throw new FormatException($"it has {shards} data files; from 1 to {MostShards} are supported");
    }

    // VersionDef: the writer's version, the minimum version of a reader, and versions of readers that must not read it.
    private static void CheckVersion(ReadOnlySpan<byte> bytes)
    {
        for (var version = new ProtocolBuffer(bytes); version.Next();)
        {
            if (version is { Field: 2, HasBytes: false } && version.Number > TensorFlowConstants.Version)
            {
                throw new FormatException(
                    $"it requires a reader of version {version.Number}; this one is of version {TensorFlowConstants.Version}");
            }

            if (version.Field == 3 && Versions(version).Contains(TensorFlowConstants.Version))
            {
                throw new FormatException($"it must not be read by readers of version {TensorFlowConstants.Version}");
            }
        }
    }

    // A number, or several consecutive ones.
    private static List<ulong> Versions(ProtocolBuffer field)
    {
        if (!field.HasBytes) return [field.Number];
        var versions = new List<ulong>();
        for (var rest = field.Bytes; !rest.IsEmpty;)
        {
            if (!VariableLength.TryRead(ref rest, out ulong version)) throw new FormatException("its list of versions is damaged");
            versions.Add(version);
        }

        return versions;
    }

    private static BundleEntry ReadEntry(byte[] key, byte[] value, PositionedFile[] data)
    {
        string name = Encoding.UTF8.GetString(key);
        try
        {
            var entry = BundleEntry.Read(value);
            if (entry.Shard >= data.Length) throw new FormatException($"it is in file {entry.Shard} of {data.Length}");
            if (entry.Size > data[entry.Shard].Length || entry.Offset > data[entry.Shard].Length - entry.Size)
            {
                throw new FormatException(
                    $"it is at bytes {entry.Offset} to {entry.Offset + (Int128)entry.Size} of "
                    + $"'{data[entry.Shard].Path}', which has {data[entry.Shard].Length}: outside the file");
            }

            if (TensorFlowConstants.TypeOf(entry.DataType) is not { } type)
            {
                throw new FormatException($"its elements are of the unsupported type {entry.DataType}");
            }

            Int128 bytes = type.BlockSize();
            foreach (long size in entry.Shape)
            {
                bytes *= size;
                if (bytes > long.MaxValue) throw new FormatException("it is too large");
            }

            return bytes == entry.Size
                ? entry
                : throw new FormatException(
                    $"its {entry.Size} bytes are not those of the shape ({string.Join(", ", entry.Shape)}) and type {type.ShortName()}");
        }
        catch (FormatException error)
        {
            throw new FormatException($"of its tensor '{name}' {error.Message}", error);
        }
    }

    // Tensors do not overlap, and together they cover the files.
    private static void CheckApart(List<(BundleEntry Entry, string Name)> tensors, PositionedFile[] data)
    {
        foreach (var (file, shard) in data.Select((file, shard) => (file, shard)))
        {
            long end = 0;
            foreach (var (entry, name) in
                tensors.Where(tensor => tensor.Entry.Shard == shard)
                    .OrderBy(tensor => tensor.Entry.Offset)
                    .ThenBy(tensor => tensor.Entry.Size))
            {
                if (entry.Offset != end)
                {
                    throw new FormatException(
                        entry.Offset < end
                            ? $"its tensor '{name}' overlaps the one before it"
                            : $"its tensor '{name}' leaves {Quantity.Of(entry.Offset - end, "byte")} before it unused");
                }

                end += entry.Size;
            }

            if (end == file.Length) continue;
            throw new FormatException($"no tensor has the last {Quantity.Of(file.Length - end, "byte")} of '{file.Path}'");
        }
    }

    private static FileTensor Tensor(PositionedFile file, string name, BundleEntry entry)
    {
        var type = TensorFlowConstants.TypeOf(entry.DataType)!.Value;
        var region = new ChecksummedRegion(
            file, $"the tensor '{name}'", entry.Offset, entry.Size, Crc32C.Unmask(entry.Checksum), Crc32C.Append);
        var elements = type.IsFloatingPoint() ? new PlainElements(file, entry.Offset, type, region) : null;
        return new(file.Path, name, type, entry.Shape, entry.Size, elements);
    }
}

/// <summary>
/// The index's entry for a tensor. Source: TensorFlow's <c>tensor_bundle.proto</c>, message BundleEntryProto.
/// </summary>
/// <param name="DataType">The number of the element type in <c>types.proto</c>.</param>
/// <param name="Shape">Sizes of the dimensions.</param>
/// <param name="Shard">The data file that contains it.</param>
/// <param name="Offset">Its offset in that file.</param>
/// <param name="Size">Its size in bytes.</param>
/// <param name="Checksum">The masked checksum of its bytes.</param>
internal sealed record BundleEntry(int DataType, long[] Shape, int Shard, long Offset, long Size, uint Checksum)
{
    private const int MostDimensions = 16;

    /// <exception cref="FormatException">The entry is damaged, or describes a part of a tensor.</exception>
    public static BundleEntry Read(ReadOnlySpan<byte> bytes)
    {
        ulong type = 0, shard = 0, offset = 0, size = 0, checksum = 0;
        long[] shape = [];
        for (var message = new ProtocolBuffer(bytes); message.Next();)
        {
            switch (message.Field, message.HasBytes)
            {
                case (1, false): type = message.Number; break;
                case (2, true): shape = ReadShape(message.Bytes); break;
                case (3, false): shard = message.Number; break;
                case (4, false): offset = message.Number; break;
                case (5, false): size = message.Number; break;
                case (6, false): checksum = message.Number; break;
                case (7, _): throw new FormatException("it is split into slices, which are not supported");
                default: throw new FormatException($"it has the unknown field {message.Field}");
            }
        }

        if (type > int.MaxValue || shard > int.MaxValue || offset > long.MaxValue || size > long.MaxValue || checksum > uint.MaxValue)
        {
            throw new FormatException("one of its numbers is too large");
        }

        return new((int)type, shape, (int)shard, (long)offset, (long)size, (uint)checksum);
    }

    private static long[] ReadShape(ReadOnlySpan<byte> bytes)
    {
        var sizes = new List<long>();
        for (var shape = new ProtocolBuffer(bytes); shape.Next();)
        {
            if (shape.Field == 3 && !shape.HasBytes && shape.Number == 0) continue;
            if (shape.Field != 2 || !shape.HasBytes) throw new FormatException("its shape is unknown");
            if (sizes.Count == MostDimensions) throw new FormatException($"it has more than {MostDimensions} dimensions");
            ulong size = 0;
            for (var dimension = new ProtocolBuffer(shape.Bytes); dimension.Next();)
            {
                if (dimension is { Field: 1, HasBytes: false }) size = dimension.Number;
                else if (dimension.Field != 2) throw new FormatException("a dimension has an unknown field");
            }

            if (size > long.MaxValue) throw new FormatException("a dimension is too large or unknown");
            sizes.Add((long)size);
        }

        return [.. sizes];
    }
}
