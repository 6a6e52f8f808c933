namespace MLNet.Gpt.Formats;

/// <summary>
/// How the elements of a tensor are stored. Models are written as <see cref="Float32"/>, <see cref="Float16"/>,
/// <see cref="BFloat16"/>, <see cref="Q8_0"/> or <see cref="Q4_0"/>; weights are read as these, as <see cref="Float64"/> and
/// as the other quantized types of GGUF. Integer tensors may be stored with weights.
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

    /// <summary>
    /// Blocks of 32 with a scale, 4.5 bits per weight, <c>Q4_0</c>. Only in GGUF, for matrices whose rows are whole
    /// blocks; the output head becomes <see cref="Q8_0"/>, and other tensors remain wider.
    /// </summary>
    Q4_0,

    /// <summary>Blocks of 32 with a scale and a minimum, 5 bits per weight, <c>Q4_1</c>. Read only, from GGUF.</summary>
    Q4_1,

    /// <summary>Blocks of 32 with a scale, 5.5 bits per weight, <c>Q5_0</c>. Read only, from GGUF.</summary>
    Q5_0,

    /// <summary>Blocks of 32 with a scale and a minimum, 6 bits per weight, <c>Q5_1</c>. Read only, from GGUF.</summary>
    Q5_1,

    /// <summary>Blocks of 256 with scales and minimums per 16, 2.6 bits per weight, <c>Q2_K</c>. Read only, from GGUF.</summary>
    Q2_K,

    /// <summary>Blocks of 256 with scales per 16, 3.4 bits per weight, <c>Q3_K</c>. Read only, from GGUF.</summary>
    Q3_K,

    /// <summary>Blocks of 256 with scales and minimums per 32, 4.5 bits per weight, <c>Q4_K</c>. Read only, from GGUF.</summary>
    Q4_K,

    /// <summary>Blocks of 256 with scales and minimums per 32, 5.5 bits per weight, <c>Q5_K</c>. Read only, from GGUF.</summary>
    Q5_K,

    /// <summary>Blocks of 256 with scales per 16, 6.6 bits per weight, <c>Q6_K</c>. Read only, from GGUF.</summary>
    Q6_K,

    /// <summary>Blocks of 32 with a scale and 16 uneven levels, 4.5 bits per weight, <c>IQ4_NL</c>. Read only, from GGUF.</summary>
    IQ4_NL,

    /// <summary>Blocks of 256 with scales per 32 and 16 uneven levels, 4.3 bits per weight, <c>IQ4_XS</c>. Read only, from GGUF.</summary>
    IQ4_XS,
}
