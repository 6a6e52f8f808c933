namespace MLNet.Gpt.Formats;

/// <summary>How the elements of a tensor are stored in a safetensors file.</summary>
public enum SafetensorsDataType
{
    /// <summary>IEEE 754 single precision, 4 bytes: <c>F32</c>.</summary>
    Float32,

    /// <summary>IEEE 754 half precision, 2 bytes: <c>F16</c>.</summary>
    Float16,

    /// <summary>The upper half of single precision, 2 bytes: <c>BF16</c>.</summary>
    BFloat16,

    /// <summary>IEEE 754 double precision, 8 bytes: <c>F64</c>.</summary>
    Float64,

    /// <summary>Signed 64-bit integers: <c>I64</c>.</summary>
    Int64,

    /// <summary>Signed 32-bit integers: <c>I32</c>.</summary>
    Int32,

    /// <summary>Signed 16-bit integers: <c>I16</c>.</summary>
    Int16,

    /// <summary>Signed bytes: <c>I8</c>.</summary>
    Int8,

    /// <summary>Bytes: <c>U8</c>.</summary>
    UInt8,

    /// <summary>One byte each, 0 or 1: <c>BOOL</c>.</summary>
    Boolean,
}
