namespace MLNet.Gpt.Checkpoints.Exporting;

/// <summary>Streams tensors' elements through a small buffer into a file.</summary>
internal sealed class ElementWriter(ExportMeter meter)
{
    // 1 MiB of single precision: large enough that the system calls do not count. Whole blocks of every data type.
    private const int ChunkLength = 262_144;

    private readonly float[] _elements = new float[ChunkLength];
    private readonly byte[] _bytes = new byte[ChunkLength * sizeof(float)];

    public void Write(Stream stream, ExportTensor tensor, ExportDataType type)
    {
        long count = tensor.ElementCount;
        for (long start = 0; start < count; start += ChunkLength)
        {
            meter.ThrowIfCancelled();
            var part = _elements.AsSpan(0, (int)Math.Min(ChunkLength, count - start));
            var encoded = _bytes.AsSpan(0, (int)type.Size(part.Length));
            tensor.Read(start, part);
            type.Encode(part, encoded);
            stream.Write(encoded);
            meter.Advance(tensor.Name, encoded.Length);
        }
    }
}
