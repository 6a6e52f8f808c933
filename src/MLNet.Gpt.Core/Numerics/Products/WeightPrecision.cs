namespace MLNet.Gpt;

/// <summary>
/// How the matrices of a model are stored in memory while it runs. Activations are in single precision between
/// products.
/// </summary>
public enum WeightPrecision
{
    /// <summary>Single precision, 4 bytes per weight: the reference.</summary>
    Float32,

    /// <summary>The upper half of single precision, 2 bytes per weight, rounded to the nearest.</summary>
    BFloat16,

    /// <summary>
    /// Signed bytes with one scale per row, about 1 byte per weight; inputs of products are rounded to bytes too, with
    /// one scale per 32. Matrices that consist of Q8_0 blocks, as read from GGUF, keep their bytes and their scales per
    /// 32 weights, and those that a file stores as Q4_K, Q5_K or Q6_K blocks keep their bits, so they lose nothing.
    /// </summary>
    Int8,

    /// <summary>
    /// Nibbles with a scale and a minimum per 32 weights, 5 bits per weight; inputs of products are rounded to bytes, as
    /// at <see cref="Int8"/>. The token embedding and the output head are stored as at <see cref="Int8"/>, and so are
    /// matrices whose rows are not whole blocks of 32. Matrices that consist of GGML's Q4_0 or Q4_1 blocks lose nothing, and
    /// those that a file stores as Q4_K, Q5_K or Q6_K blocks keep their bits.
    /// </summary>
    Int4,
}
