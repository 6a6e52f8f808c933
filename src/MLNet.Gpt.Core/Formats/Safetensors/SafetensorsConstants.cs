namespace MLNet.Gpt.Formats.Safetensors;

/// <summary>
/// The fixed parts of a safetensors file: 8 bytes of length, that many bytes of JSON, then the tensors. Source: the
/// format's specification in Hugging Face's safetensors repository.
/// </summary>
internal static class SafetensorsConstants
{
    /// <summary>Bytes of the length before the JSON.</summary>
    public const int LengthSize = 8;

    /// <summary>The maximum length of the JSON in bytes, as in the reference implementation.</summary>
    public const int MaximumLength = 100_000_000;

    /// <summary>The maximum number of tensors: a hundred times as many as any model of this library has.</summary>
    public const int MostTensors = 100_000;

    /// <summary>The key that is not a tensor but a map from text to text.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>
    /// The metadata that Hugging Face's loaders require: without it, transformers rejects the file. <c>pt</c> means
    /// that matrices have PyTorch's layout.
    /// </summary>
    public const string FrameworkKey = "format", Framework = "pt";

    private static readonly Dictionary<string, TensorDataType> Types = new(StringComparer.Ordinal)
    {
        ["F32"] = TensorDataType.Float32,
        ["F16"] = TensorDataType.Float16,
        ["BF16"] = TensorDataType.BFloat16,
        ["F64"] = TensorDataType.Float64,
        ["I64"] = TensorDataType.Int64,
        ["I32"] = TensorDataType.Int32,
        ["I16"] = TensorDataType.Int16,
        ["I8"] = TensorDataType.Int8,
        ["U8"] = TensorDataType.UInt8,
        ["BOOL"] = TensorDataType.Boolean,
    };

    private static readonly Dictionary<TensorDataType, string> Codes = Types.ToDictionary(pair => pair.Value, pair => pair.Key);

    /// <summary>Returns the type of a code in the header, or <see langword="null"/> if it is unknown.</summary>
    public static TensorDataType? TypeOf(string code) => Types.TryGetValue(code, out var type) ? type : null;

    /// <summary>Returns the code of a type in the header.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The format has no such type.</exception>
    public static string CodeOf(TensorDataType type) => Codes.TryGetValue(type, out string? code)
        ? code
        : throw new ArgumentOutOfRangeException(nameof(type), type, $"A safetensors file does not support {type}.");
}
