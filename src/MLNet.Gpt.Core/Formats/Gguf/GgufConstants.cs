using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>How the elements of a tensor are stored, of the forms that are read.</summary>
/// <param name="Name">The field's name.</param>
/// <param name="BlockLength">Elements that are stored together.</param>
/// <param name="BlockSize">Their bytes.</param>
/// <param name="Plain">The form of single elements; <see langword="null"/> for blocks.</param>
internal sealed record GgufTensorType(string Name, int BlockLength, int BlockSize, SafetensorsDataType? Plain)
{
    private static readonly Dictionary<uint, GgufTensorType> Known = new()
    {
        [0] = new("F32", 1, 4, SafetensorsDataType.Float32),
        [1] = new("F16", 1, 2, SafetensorsDataType.Float16),
        [8] = new("Q8_0", Q8Block.Length, Q8Block.Size, null),
        [30] = new("BF16", 1, 2, SafetensorsDataType.BFloat16),
    };

    // Source: the enumeration ggml_type.
    private static readonly Dictionary<uint, string> OtherNames = new()
    {
        [2] = "Q4_0",
        [3] = "Q4_1",
        [6] = "Q5_0",
        [7] = "Q5_1",
        [9] = "Q8_1",
        [10] = "Q2_K",
        [11] = "Q3_K",
        [12] = "Q4_K",
        [13] = "Q5_K",
        [14] = "Q6_K",
        [15] = "Q8_K",
        [16] = "IQ2_XXS",
        [17] = "IQ2_XS",
        [18] = "IQ3_XXS",
        [19] = "IQ1_S",
        [20] = "IQ4_NL",
        [21] = "IQ3_S",
        [22] = "IQ2_S",
        [23] = "IQ4_XS",
        [24] = "I8",
        [25] = "I16",
        [26] = "I32",
        [27] = "I64",
        [28] = "F64",
        [29] = "IQ1_M",
        [34] = "TQ1_0",
        [35] = "TQ2_0",
        [39] = "MXFP4",
    };

    /// <summary>The type of a number, or <see langword="null"/> where it is not read.</summary>
    public static GgufTensorType? Of(uint code) => Known.GetValueOrDefault(code);

    /// <summary>What the type of a number is called.</summary>
    public static string NameOf(uint code) => Known.GetValueOrDefault(code)?.Name ?? OtherNames.GetValueOrDefault(code) ?? $"number {code}";

    /// <summary>Reads elements of this type.</summary>
    public ITensorElements ElementsAt(PositionedFile file, long offset) => Plain is { } type ? new PlainElements(file, offset, type) : new Q8Elements(file, offset);
}

/// <summary>The types of GGUF's metadata, with the format's numbers.</summary>
internal enum GgufValueType
{
    UInt8 = 0,
    Int8 = 1,
    UInt16 = 2,
    Int16 = 3,
    UInt32 = 4,
    Int32 = 5,
    Float32 = 6,
    Boolean = 7,
    String = 8,
    Array = 9,
    UInt64 = 10,
    Int64 = 11,
    Float64 = 12,
}
