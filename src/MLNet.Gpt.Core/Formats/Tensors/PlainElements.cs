using System.Runtime.InteropServices;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>Elements that lie one after the other in a file, little-endian.</summary>
/// <param name="file">The file, which the tensor's owner closes.</param>
/// <param name="offset">Where the first element begins.</param>
/// <param name="type">A floating-point form.</param>
/// <param name="region">The part of the file with a checksum of its own that the elements belong to, or <see langword="null"/>.</param>
internal sealed class PlainElements(PositionedFile file, long offset, SafetensorsDataType type, ChecksummedRegion? region = null) : ITensorElements
{
    // Elements converted at a time: their bytes stay in the processor's first cache.
    private const int ChunkLength = 4096;

    public void Read(long start, Span<float> destination)
    {
        region?.Verify();
        int size = type.Size();
        long place = offset + (start * size);
        if (type == SafetensorsDataType.Float32)
        {
            var bytes = MemoryMarshal.AsBytes(destination);
            file.Fill(bytes, place);
            if (!BitConverter.IsLittleEndian) FloatConversion.ReverseBytes(bytes, size);
            return;
        }

        Span<byte> buffer = new byte[Math.Min(ChunkLength, destination.Length) * size];
        for (int done = 0; done < destination.Length; done += ChunkLength)
        {
            var part = destination.Slice(done, Math.Min(ChunkLength, destination.Length - done));
            var source = buffer[..(part.Length * size)];
            file.Fill(source, place + ((long)done * size));
            FloatConversion.ToSingle(type, source, part);
        }
    }
}
