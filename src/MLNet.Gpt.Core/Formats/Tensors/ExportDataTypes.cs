using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>Sizes and encodings of the data types.</summary>
internal static class ExportDataTypes
{
    /// <summary>Bytes that elements take; for blocks, their number is a multiple of <see cref="Q8Block.Length"/>.</summary>
    public static long Size(this ExportDataType type, long elements) => type switch
    {
        ExportDataType.Float32 => checked(elements * sizeof(float)),
        ExportDataType.Float16 or ExportDataType.BFloat16 => checked(elements * 2),
        ExportDataType.Q8_0 => checked(elements / Q8Block.Length * Q8Block.Size),
        _ => throw Check.Undefined(type, nameof(type)),
    };

    /// <summary>The same type in a safetensors file.</summary>
    public static SafetensorsDataType InSafetensors(this ExportDataType type) => type switch
    {
        ExportDataType.Float32 => SafetensorsDataType.Float32,
        ExportDataType.Float16 => SafetensorsDataType.Float16,
        ExportDataType.BFloat16 => SafetensorsDataType.BFloat16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, $"A safetensors file holds no {type}."),
    };

    /// <summary>The type of a safetensors file as one that weights are written in.</summary>
    public static ExportDataType FromSafetensors(SafetensorsDataType type) => type switch
    {
        SafetensorsDataType.Float32 => ExportDataType.Float32,
        SafetensorsDataType.Float16 => ExportDataType.Float16,
        SafetensorsDataType.BFloat16 => ExportDataType.BFloat16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, $"Weights are written as Float32, Float16 or BFloat16, not as {type}."),
    };

    /// <summary>The largest number of the type; infinity where it holds every number of single precision.</summary>
    public static float LargestNumber(this ExportDataType type) => type switch
    {
        ExportDataType.Float32 => float.PositiveInfinity,
        ExportDataType.Float16 => 65504,
        ExportDataType.BFloat16 => BitConverter.UInt32BitsToSingle(0x7F7F_0000),
        ExportDataType.Q8_0 => 127 * 65504, // 127 times the largest scale
        _ => throw Check.Undefined(type, nameof(type)),
    };

    /// <summary>
    /// What rounds to more than <see cref="LargestNumber"/>: half a step beyond it, of which a tie goes to the even
    /// number above.
    /// </summary>
    public static float FirstBeyond(this ExportDataType type) => type switch
    {
        ExportDataType.Float32 => float.PositiveInfinity,
        ExportDataType.Float16 => 65520,
        ExportDataType.BFloat16 => BitConverter.UInt32BitsToSingle(0x7F7F_8000),
        ExportDataType.Q8_0 => 127 * 65520,
        _ => throw Check.Undefined(type, nameof(type)),
    };

    /// <summary>Encodes elements; the destination has their <see cref="Size"/>.</summary>
    public static void Encode(this ExportDataType type, ReadOnlySpan<float> elements, Span<byte> destination)
    {
        if (type == ExportDataType.Q8_0) EightBitBlocks.Encode(elements, destination);
        else FloatConversion.FromSingle(type.InSafetensors(), elements, destination);
    }
}
