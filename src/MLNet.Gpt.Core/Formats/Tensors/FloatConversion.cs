using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>Converts between single precision in memory and the little-endian formats of files.</summary>
internal static class FloatConversion
{
    /// <summary>Widens or narrows a file's elements to single precision.</summary>
    /// <param name="type">The file's format; on a big-endian machine, the byte order is changed in place.</param>
    /// <param name="source">The file's bytes.</param>
    /// <param name="destination">One element for each in the source.</param>
    public static void ToSingle(TensorDataType type, Span<byte> source, Span<float> destination)
    {
        if (!BitConverter.IsLittleEndian) ReverseBytes(source, type.BlockSize());
        switch (type)
        {
            case TensorDataType.Float32:
                MemoryMarshal.Cast<byte, float>(source).CopyTo(destination);
                break;
            case TensorDataType.Float16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(source), destination);
                break;
            case TensorDataType.BFloat16:
                var halves = MemoryMarshal.Cast<byte, ushort>(source);
                var bits = MemoryMarshal.Cast<float, uint>(destination);
                for (int i = 0; i < halves.Length; i++) bits[i] = (uint)halves[i] << 16;
                break;
            case TensorDataType.Float64:
                var doubles = MemoryMarshal.Cast<byte, double>(source);
                for (int i = 0; i < doubles.Length; i++) destination[i] = (float)doubles[i];
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, $"{type} is not a floating-point format.");
        }
    }

    /// <summary>Rounds single precision to a file's format, to nearest, ties to even.</summary>
    public static void FromSingle(TensorDataType type, ReadOnlySpan<float> source, Span<byte> destination)
    {
        switch (type)
        {
            case TensorDataType.Float32:
                MemoryMarshal.AsBytes(source).CopyTo(destination);
                break;
            case TensorDataType.Float16:
                TensorPrimitives.ConvertToHalf(source, MemoryMarshal.Cast<byte, Half>(destination));
                break;
            case TensorDataType.BFloat16:
                var halves = MemoryMarshal.Cast<byte, ushort>(destination);
                for (int i = 0; i < source.Length; i++) halves[i] = BFloat16Rounding.Round(source[i]);
                break;
            default:
                throw new ArgumentOutOfRangeException(
                    nameof(type), type, $"Weights are written as Float32, Float16 or BFloat16, not as {type}.");
        }

        if (!BitConverter.IsLittleEndian) ReverseBytes(destination, type.BlockSize());
    }

    /// <summary>Reverses the bytes of each element.</summary>
    public static void ReverseBytes(Span<byte> bytes, int size)
    {
        for (int start = 0; start < bytes.Length; start += size) bytes.Slice(start, size).Reverse();
    }
}
