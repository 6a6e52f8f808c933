namespace MLNet.Gpt.Formats;

/// <summary>How exported weights are stored.</summary>
public enum ExportDataType
{
    /// <summary>Single precision, 4 bytes: loses nothing. Every format.</summary>
    Float32,

    /// <summary>Half precision, 2 bytes, rounded to the nearest, ties to even. Every format.</summary>
    Float16,

    /// <summary>The upper half of single precision, 2 bytes, rounded to the nearest, ties to even. Every format but ONNX.</summary>
    BFloat16,

    /// <summary>
    /// Blocks of 32 signed bytes with one half-precision scale, 34 bytes a block. GGUF alone, for matrices whose rows
    /// are whole blocks; the rest stays wider.
    /// </summary>
    Q8_0,
}
