namespace MLNet.Gpt.Formats;

/// <summary>
/// How the elements of a tensor are stored. Models are written as <see cref="Float32"/>, <see cref="Float16"/>,
/// <see cref="BFloat16"/> or <see cref="Q8_0"/>; weights are read as these and <see cref="Float64"/>. Integer tensors
/// may be stored with weights.
/// </summary>
public enum TensorDataType
{
    /// <summary>IEEE 754 single precision, 4 bytes, <c>F32</c>: loses nothing. In every format.</summary>
    Float32,

    /// <summary>
    /// IEEE 754 half precision, 2 bytes, <c>F16</c>: rounded to nearest, ties to even. In every format.
    /// </summary>
    Float16,

    /// <summary>
    /// The upper half of single precision, 2 bytes, <c>BF16</c>: rounded to nearest, ties to even. In every format
    /// except ONNX.
    /// </summary>
    BFloat16,

    /// <summary>
    /// Blocks of 32 signed bytes with one half-precision scale, 34 bytes per block, <c>Q8_0</c>. Only in GGUF, for
    /// matrices whose rows are whole blocks; other tensors remain wider.
    /// </summary>
    Q8_0,

    /// <summary>IEEE 754 double precision, 8 bytes, <c>F64</c>. Read only, and rounded to single precision.</summary>
    Float64,

    /// <summary>Signed 64-bit integers, <c>I64</c>. Never weights.</summary>
    Int64,

    /// <summary>Signed 32-bit integers, <c>I32</c>. Never weights.</summary>
    Int32,

    /// <summary>Signed 16-bit integers, <c>I16</c>. Never weights.</summary>
    Int16,

    /// <summary>Signed bytes, <c>I8</c>. Never weights.</summary>
    Int8,

    /// <summary>Unsigned bytes, <c>U8</c>. Never weights.</summary>
    UInt8,

    /// <summary>One byte each, 0 or 1, <c>BOOL</c>. Never weights.</summary>
    Boolean,
}
