using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>
/// The numbers and keys in a GGUF file that do not depend on the architecture. Source: ggml's <c>docs/gguf.md</c> and
/// <c>ggml.h</c>, and llama.cpp's <c>llama.h</c>.
/// </summary>
internal static class GgufConstants
{
    /// <summary>
    /// The version that is written; versions 2 and 3 can be read, and do not differ in anything that matters here.
    /// </summary>
    public const uint Version = 3;

    /// <summary>The magic number.</summary>
    public static ReadOnlySpan<byte> Magic => "GGUF"u8;

    /// <summary>Each tensor begins at a multiple of this many bytes, unless a file says otherwise.</summary>
    public const int Alignment = 32;

    public const string ArchitectureKey = "general.architecture";
    public const string AlignmentKey = "general.alignment";
    public const string TokenizerKey = "tokenizer.ggml.model";
    public const string SplitterKey = "tokenizer.ggml.pre";
    public const string TokensKey = "tokenizer.ggml.tokens";
    public const string TokenTypesKey = "tokenizer.ggml.token_type";
    public const string MergesKey = "tokenizer.ggml.merges";
    public const string BeginningIdKey = "tokenizer.ggml.bos_token_id";
    public const string EndIdKey = "tokenizer.ggml.eos_token_id";
    public const string UnknownIdKey = "tokenizer.ggml.unknown_token_id";

    public const string ScoresKey = "tokenizer.ggml.scores";
    public const string AddsBeginningKey = "tokenizer.ggml.add_bos_token";
    public const string AddsEndKey = "tokenizer.ggml.add_eos_token";
    public const string AddsSpaceKey = "tokenizer.ggml.add_space_prefix";
    public const string ChatTemplateKey = "tokenizer.chat_template";

    /// <summary>The keys of further tokens that end a text: the ends of a turn and of a message.</summary>
    public static IReadOnlyList<string> OtherEndIdKeys { get; } = ["tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

    /// <summary>llama.cpp's types of tokens.</summary>
    public const int NormalToken = 1, UnknownToken = 2, ControlToken = 3, UserDefinedToken = 4, UnusedToken = 5, ByteToken = 6;

    // enum ggml_type and enum llama_ftype
    private static readonly (TensorDataType Type, uint Number, uint FileType)[] Types =
    [
        (TensorDataType.Float32, 0, 0),
        (TensorDataType.Float16, 1, 1),
        (TensorDataType.Q8_0, 8, 7),
        (TensorDataType.Q4_0, 2, 2),
        (TensorDataType.BFloat16, 30, 32),
    ];

    // The types of enum ggml_type that are read only.
    private static readonly Dictionary<uint, TensorDataType> OtherReadableTypes = new()
    {
        [3] = TensorDataType.Q4_1, [6] = TensorDataType.Q5_0, [7] = TensorDataType.Q5_1,
        [10] = TensorDataType.Q2_K, [11] = TensorDataType.Q3_K, [12] = TensorDataType.Q4_K, [13] = TensorDataType.Q5_K,
        [14] = TensorDataType.Q6_K, [20] = TensorDataType.IQ4_NL, [23] = TensorDataType.IQ4_XS,
    };

    // Members of enum ggml_type that cannot be read.
    private static readonly Dictionary<uint, string> OtherTypes = new()
    {
        [9] = "Q8_1", [15] = "Q8_K", [16] = "IQ2_XXS", [17] = "IQ2_XS", [18] = "IQ3_XXS",
        [19] = "IQ1_S", [21] = "IQ3_S", [22] = "IQ2_S", [24] = "I8", [25] = "I16",
        [26] = "I32", [27] = "I64", [28] = "F64", [29] = "IQ1_M",
        [34] = "TQ1_0", [35] = "TQ2_0", [39] = "MXFP4",
    };

    /// <summary>
    /// Returns the type of a number of enum ggml_type, or <see langword="null"/> if it cannot be read.
    /// </summary>
    public static TensorDataType? TypeOf(uint number) =>
        Array.FindIndex(Types, each => each.Number == number) is >= 0 and var index ? Types[index].Type
        : OtherReadableTypes.TryGetValue(number, out var type) ? type
        : null;

    /// <summary>The names of the types that can be read.</summary>
    public static string ReadableTypes => string.Join(
        ", ", Types.Select(each => each.Type).Concat(OtherReadableTypes.Values).Select(type => type.ShortName()));

    /// <summary>Returns the name of a type that cannot be read.</summary>
    public static string NameOf(uint number) => OtherTypes.GetValueOrDefault(number) ?? $"number {number}";

    /// <summary>Returns the number of a type in enum ggml_type.</summary>
    public static uint NumberOf(TensorDataType type) => Find(type).Number;

    /// <summary>Returns the number in enum llama_ftype for a file whose matrices are mostly of a type.</summary>
    public static uint FileTypeOf(TensorDataType type) => Find(type).FileType;

    private static (TensorDataType Type, uint Number, uint FileType) Find(TensorDataType type) =>
        Array.FindIndex(Types, each => each.Type == type) is >= 0 and var index
            ? Types[index]
            : throw new ArgumentOutOfRangeException(nameof(type), type, $"GGUF does not support {type}.");
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
