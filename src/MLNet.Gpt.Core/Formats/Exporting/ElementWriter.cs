using System.Globalization;
using System.Numerics.Tensors;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Exporting;

/// <summary>Streams the elements of tensors to a file through a small buffer.</summary>
/// <param name="meter">Receives what was written.</param>
/// <param name="clamps">
/// Whether elements beyond the data type's range are clamped to it; otherwise they are an error.
/// </param>
internal sealed class ElementWriter(ExportMeter meter, bool clamps = false)
{
    // 1 MiB of single precision: large enough that system calls do not matter, and a multiple of every data type's
    // block length.
    private const int ChunkLength = 262_144;

    private readonly float[] _elements = new float[ChunkLength];
    private readonly byte[] _bytes = new byte[ChunkLength * sizeof(float)];

    public void Write(Stream stream, ExportTensor tensor, TensorDataType type)
    {
        long count = tensor.ElementCount;
        for (long start = 0; start < count; start += ChunkLength)
        {
            meter.ThrowIfCancelled();
            var part = _elements.AsSpan(0, (int)Math.Min(ChunkLength, count - start));
            var encoded = _bytes.AsSpan(0, (int)type.Size(part.Length));
            tensor.Read(start, part);
            FitToRange(tensor, type, start, part);
            if (!tensor.HasFourBitBlocks) type.Encode(part, encoded);
            else if (!FourBitBlocks.TryRestore(part, encoded))
            {
                throw new InvalidOperationException($"'{tensor.Name}' changed while it was being read.");
            }

            stream.Write(encoded);
            meter.Advance(tensor.Name, encoded.Length);
        }
    }

    /// <summary>
    /// Returns whether a matrix consists of Q4_0 blocks. Reads little of one that does not, and all of one that does.
    /// </summary>
    public bool HasFourBitBlocks(ExportTensor tensor)
    {
        // The first block is enough to recognize ordinary numbers.
        int length = FourBitBlocks.Length;
        for (long start = 0; start < tensor.ElementCount; start += length)
        {
            meter.ThrowIfCancelled();
            length = start == 0 ? FourBitBlocks.Length : (int)Math.Min(ChunkLength, tensor.ElementCount - start);
            var part = _elements.AsSpan(0, length);
            tensor.Read(start, part);
            if (!FourBitBlocks.TryRestore(part, _bytes.AsSpan(0, (int)TensorDataType.Q4_0.Size(length)))) return false;
        }

        return true;
    }

    private void FitToRange(ExportTensor tensor, TensorDataType type, long start, Span<float> part)
    {
        float beyond = type.FirstBeyond(), largest = type.LargestNumber();
        if (type == TensorDataType.Float32 || MathF.Abs(TensorPrimitives.MaxMagnitude(part)) < beyond) return;
        for (int i = 0; i < part.Length; i++)
        {
            if (MathF.Abs(part[i]) < beyond) continue;
            if (!clamps || float.IsNaN(part[i])) throw Lost(tensor, type, start + i, part[i]);
            part[i] = MathF.CopySign(largest, part[i]);
        }
    }

    private static ArgumentException Lost(ExportTensor tensor, TensorDataType type, long element, float value)
    {
        long[] index = new long[tensor.Shape.Count];
        for (int i = index.Length - 1; i >= 0; i--) (element, index[i]) = Math.DivRem(element, tensor.Shape[i]);
        string limit = string.Create(CultureInfo.InvariantCulture, $"the largest {type} is {type.LargestNumber()}");
        string advice = float.IsNaN(value)
            ? "write it as Float32, which keeps it"
            : $"choose a wider type, or set {nameof(ExportOptions.ClampsToRange)}";
        string place = $"'{tensor.Name}'[{string.Join(", ", index)}]";
        return new(string.Create(CultureInfo.InvariantCulture, $"The weight {place} is {value}; {limit}: {advice}."), nameof(type));
    }
}
