using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Formats.Safetensors;

/// <summary>The names and sizes of the element types.</summary>
internal static class SafetensorsDataTypes
{
    private static readonly Dictionary<string, SafetensorsDataType> ByCode =
        Enum.GetValues<SafetensorsDataType>().ToDictionary(type => type.Code(), StringComparer.Ordinal);

    public static string Code(this SafetensorsDataType type) => type switch
    {
        SafetensorsDataType.Float32 => "F32",
        SafetensorsDataType.Float16 => "F16",
        SafetensorsDataType.BFloat16 => "BF16",
        SafetensorsDataType.Float64 => "F64",
        SafetensorsDataType.Int64 => "I64",
        SafetensorsDataType.Int32 => "I32",
        SafetensorsDataType.Int16 => "I16",
        SafetensorsDataType.Int8 => "I8",
        SafetensorsDataType.UInt8 => "U8",
        SafetensorsDataType.Boolean => "BOOL",
        _ => throw Check.Undefined(type, nameof(type)),
    };

    public static SafetensorsDataType? FromCode(string code) => ByCode.TryGetValue(code, out var type) ? type : null;

    /// <summary>Whether weights can be of the type.</summary>
    public static bool IsFloatingPoint(this SafetensorsDataType type) =>
        type is SafetensorsDataType.Float32 or SafetensorsDataType.Float16 or SafetensorsDataType.BFloat16 or SafetensorsDataType.Float64;

    /// <summary>Bytes of one element.</summary>
    public static int Size(this SafetensorsDataType type) => type switch
    {
        SafetensorsDataType.Float64 or SafetensorsDataType.Int64 => 8,
        SafetensorsDataType.Float32 or SafetensorsDataType.Int32 => 4,
        SafetensorsDataType.Float16 or SafetensorsDataType.BFloat16 or SafetensorsDataType.Int16 => 2,
        SafetensorsDataType.Int8 or SafetensorsDataType.UInt8 or SafetensorsDataType.Boolean => 1,
        _ => throw Check.Undefined(type, nameof(type)),
    };
}
