namespace MLNet.Gpt.Numerics.Products;

/// <summary>
/// A block of GGML's Q4_K: 256 consecutive weights of a row as nibbles q, w = d × s × q − m × n, where d and m are in half
/// precision and s and n, from 0 to 63, belong to 32 weights.
/// </summary>
internal static class Q4KBlock
{
    /// <summary>Weights per block.</summary>
    public const int Length = 256;

    /// <summary>Bytes per block in a file: d, m, the twelve bytes of s and n, and the nibbles.</summary>
    public const int Size = 4 + FactorBytes + (Length / 2);

    /// <summary>Groups of 32 weights.</summary>
    public const int Groups = Length / Q4Block.Length;

    /// <summary>Bytes of s and n in a file.</summary>
    public const int FactorBytes = 12;

    /// <summary>Returns s and n of a group of 32 weights.</summary>
    public static (int Scale, int Minimum) FactorsOf(ReadOnlySpan<byte> packed, int group) => group < 4
        ? (packed[group] & 63, packed[group + 4] & 63)
        : ((packed[group + 4] & 0xF) | (packed[group - 4] >> 6 << 4), (packed[group + 4] >> 4) | (packed[group] >> 6 << 4));

    /// <summary>Returns the nibble of a weight of a group.</summary>
    public static int NibbleOf(ReadOnlySpan<byte> nibbles, int group, int index)
    {
        byte both = nibbles[(group / 2 * 32) + index];
        return group % 2 == 0 ? both & 0xF : both >> 4;
    }
}
