using System.Buffers.Binary;
using System.Text.Json;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Safetensors;

/// <summary>Writes safetensors files, streaming the weights through a small buffer.</summary>
internal static class SafetensorsWriter
{
    /// <summary>
    /// Copies elements of a weight, beginning with <paramref name="start"/>; the signature of
    /// <see cref="IWeightSource.Read"/>.
    /// </summary>
    /// <param name="name">The weight's name.</param>
    /// <param name="start">Index of the first element.</param>
    /// <param name="destination">Receives the elements; its length is their number.</param>
    public delegate void WeightReader(string name, long start, Span<float> destination);

    /// <summary>
    /// Writes a file with tensors in the given order. The file is written to a temporary name, flushed to disk and
    /// moved into place, so that a crash leaves either the old file or the new one.
    /// </summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="entries">Names and shapes.</param>
    /// <param name="read">Called for the elements of each tensor, in order.</param>
    /// <param name="dataType">Float32, Float16 or BFloat16; the latter two round to nearest, ties to even.</param>
    /// <param name="metadata">Metadata for the header.</param>
    /// <param name="cancellationToken">Stops the operation and keeps the old file.</param>
    /// <exception cref="ArgumentException">
    /// Two entries have the same name, one has the name of the metadata, or an element is beyond the range of the data
    /// type.
    /// </exception>
    public static void Write(
        string path,
        IEnumerable<WeightEntry> entries,
        WeightReader read,
        TensorDataType dataType = TensorDataType.Float32,
        IReadOnlyDictionary<string, string>? metadata = null,
        CancellationToken cancellationToken = default)
    {
        Write(
            path,
            [.. entries.Select(entry => Tensor(entry, read))],
            dataType,
            metadata,
            new ElementWriter(new ExportMeter(progress: null, cancellationToken)));
    }

    /// <summary>Writes the same bytes to a stream, from front to back.</summary>
    public static void Write(
        Stream stream,
        IReadOnlyList<ExportTensor> tensors,
        TensorDataType dataType,
        IReadOnlyDictionary<string, string>? metadata,
        ElementWriter elements)
    {
        stream.Write(Header(tensors, dataType, metadata));
        WriteElements(stream, tensors, dataType, elements);
    }

    /// <summary>Writes a file of tensors.</summary>
    public static void Write(
        string path,
        IReadOnlyList<ExportTensor> tensors,
        TensorDataType dataType,
        IReadOnlyDictionary<string, string>? metadata,
        ElementWriter elements)
    {
        byte[] header = Header(tensors, dataType, metadata);
        long length = header.Length + tensors.Sum(tensor => dataType.Size(tensor.ElementCount));
        AtomicFile.Write(path, length, stream =>
        {
            stream.Write(header);
            WriteElements(stream, tensors, dataType, elements);
        });
    }

    private static ExportTensor Tensor(WeightEntry entry, WeightReader read) =>
        new(entry.Name, entry.Shape, (start, destination) => read(entry.Name, start, destination));

    private static void WriteElements(Stream stream, IReadOnlyList<ExportTensor> tensors, TensorDataType dataType, ElementWriter elements)
    {
        foreach (var tensor in tensors) elements.Write(stream, tensor, dataType);
    }

    // The length, then JSON, padded with spaces so that the elements after it start at a multiple of 8 bytes.
    private static byte[] Header(
        IReadOnlyList<ExportTensor> entries, TensorDataType dataType, IReadOnlyDictionary<string, string>? metadata)
    {
        var names = new HashSet<string>(StringComparer.Ordinal) { SafetensorsConstants.MetadataKey };
        using var buffer = new MemoryStream();
        buffer.Write(new byte[SafetensorsConstants.LengthSize]);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsConstants.MetadataKey);
                foreach (var (key, value) in metadata) json.WriteString(key, value);
                json.WriteEndObject();
            }

            long offset = 0;
            foreach (var entry in entries)
            {
                if (!names.Add(entry.Name))
                {
                    throw new ArgumentException(
                        $"The name '{entry.Name}' is taken: names must differ from each other and from {SafetensorsConstants.MetadataKey}.",
                        nameof(entries));
                }

                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", SafetensorsConstants.CodeOf(dataType));
                json.WriteStartArray("shape");
                foreach (int size in entry.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset = checked(offset + dataType.Size(entry.ElementCount)));
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (buffer.Length % 8 != 0) buffer.WriteByte((byte)' ');
        byte[] header = buffer.ToArray();
        int length = header.Length - SafetensorsConstants.LengthSize;
        if (length > SafetensorsConstants.MaximumLength)
        {
            throw new ArgumentException(
                $"The header would have {length} bytes; at most {SafetensorsConstants.MaximumLength} are allowed.", nameof(entries));
        }

        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)length);
        return header;
    }
}
