using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>Names, sizes, ranges and encodings of the data types.</summary>
internal static class TensorDataTypes
{
    /// <summary>Returns the common short name: F32, BF16, Q8_0, …</summary>
    public static string ShortName(this TensorDataType type) => type switch
    {
        TensorDataType.Float32 => "F32",
        TensorDataType.Float16 => "F16",
        TensorDataType.BFloat16 => "BF16",
        TensorDataType.Float64 => "F64",
        TensorDataType.Int64 => "I64",
        TensorDataType.Int32 => "I32",
        TensorDataType.Int16 => "I16",
        TensorDataType.Int8 => "I8",
        TensorDataType.UInt8 => "U8",
        TensorDataType.Boolean => "BOOL",
        _ => BlockDecoder.SizeOf(type) is null ? throw Check.Undefined(type, nameof(type)) : type.ToString(),
    };

    /// <summary>Returns whether single elements of the type are floating-point numbers.</summary>
    public static bool IsFloatingPoint(this TensorDataType type) =>
        type is TensorDataType.Float32 or TensorDataType.Float16 or TensorDataType.BFloat16 or TensorDataType.Float64;

    /// <summary>Returns the number of elements that are stored together; 1 except for blocks.</summary>
    public static int BlockLength(this TensorDataType type) => BlockDecoder.LengthOf(type);

    /// <summary>Bytes of <see cref="BlockLength"/> elements: of one element except for blocks.</summary>
    public static int BlockSize(this TensorDataType type) => type switch
    {
        TensorDataType.Float64 or TensorDataType.Int64 => 8,
        TensorDataType.Float32 or TensorDataType.Int32 => 4,
        TensorDataType.Float16 or TensorDataType.BFloat16 or TensorDataType.Int16 => 2,
        TensorDataType.Int8 or TensorDataType.UInt8 or TensorDataType.Boolean => 1,
        _ => BlockDecoder.SizeOf(type) ?? throw Check.Undefined(type, nameof(type)),
    };

    /// <summary>Bytes of a number of elements, which is a multiple of <see cref="BlockLength"/>.</summary>
    public static long Size(this TensorDataType type, long elements) => checked(elements / type.BlockLength() * type.BlockSize());

    /// <summary>
    /// Returns the largest number of a type for writing; infinity if it can represent every single-precision number.
    /// </summary>
    public static float LargestNumber(this TensorDataType type) => type switch
    {
        TensorDataType.Float32 => float.PositiveInfinity,
        TensorDataType.Float16 => 65504,
        TensorDataType.BFloat16 => BitConverter.UInt32BitsToSingle(0x7F7F_0000),
        TensorDataType.Q8_0 => 127 * 65504, // 127 times the largest scale
        TensorDataType.Q4_0 => 8 * 65504,
        _ => throw NotWritten(type),
    };

    /// <summary>
    /// Returns the smallest number that rounds to more than <see cref="LargestNumber"/>: half a step beyond it, because
    /// the tie rounds up to the even number.
    /// </summary>
    public static float FirstBeyond(this TensorDataType type) => type switch
    {
        TensorDataType.Float32 => float.PositiveInfinity,
        TensorDataType.Float16 => 65520,
        TensorDataType.BFloat16 => BitConverter.UInt32BitsToSingle(0x7F7F_8000),
        TensorDataType.Q8_0 => 127 * 65520,
        TensorDataType.Q4_0 => 8 * 65520,
        _ => throw NotWritten(type),
    };

    /// <summary>Encodes elements; the destination has their <see cref="Size"/>.</summary>
    public static void Encode(this TensorDataType type, ReadOnlySpan<float> elements, Span<byte> destination)
    {
        if (type == TensorDataType.Q8_0) EightBitBlocks.Encode(elements, destination);
        else if (type == TensorDataType.Q4_0) FourBitBlocks.Encode(elements, destination);
        else FloatConversion.FromSingle(type, elements, destination);
    }

    private static ArgumentOutOfRangeException NotWritten(TensorDataType type) =>
        new(nameof(type), type, $"Weights are written as Float32, Float16, BFloat16, Q8_0 or Q4_0, not as {type}.");
}
