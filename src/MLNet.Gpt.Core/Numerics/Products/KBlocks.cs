using System.Buffers.Binary;

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

/// <summary>A type of blocks of 256 weights with four lower bits and one or two upper ones.</summary>
internal interface IKBits
{
    /// <summary>Bytes per block in a file.</summary>
    static abstract int Size { get; }

    /// <summary>Weights that share factors.</summary>
    static abstract int GroupLength { get; }

    /// <summary>Bits of a weight above the lower four.</summary>
    static abstract int UpperBits { get; }

    /// <summary>Vectors of upper bits in a slice of a panel.</summary>
    static abstract int UpperVectors { get; }

    /// <summary>Whether a minimum is subtracted, and not <see cref="Q6KBlock.Offset"/>.</summary>
    static abstract bool HasMinimums { get; }

    /// <summary>Returns d.</summary>
    static abstract Half UnitOf(ReadOnlySpan<byte> block);

    /// <summary>Returns m.</summary>
    static abstract Half MinimumOf(ReadOnlySpan<byte> block);

    /// <summary>Returns s and n of a group.</summary>
    static abstract (int Scale, int Minimum) FactorsOf(ReadOnlySpan<byte> block, int group);

    /// <summary>Returns q of a weight.</summary>
    static abstract int NumberOf(ReadOnlySpan<byte> block, int index);
}

/// <summary>
/// A block of GGML's Q5_K: a <see cref="Q4KBlock"/> with a fifth bit for each weight, w = d × s × q − m × n with q from 0 to 31.
/// </summary>
internal readonly struct Q5KBlock : IKBits
{
    /// <summary>Bytes per block in a file: d, m, the twelve bytes of s and n, the fifth bits, and the nibbles.</summary>
    public const int Size = FifthBits + (Q4KBlock.Length / 8) + (Q4KBlock.Length / 2);

    private const int Factors = 4, FifthBits = Factors + Q4KBlock.FactorBytes, Nibbles = FifthBits + (Q4KBlock.Length / 8);

    static int IKBits.Size => Size;

    static int IKBits.GroupLength => Q4Block.Length;

    static int IKBits.UpperBits => 1;

    static int IKBits.UpperVectors => 2;

    static bool IKBits.HasMinimums => true;

    /// <summary>Returns d.</summary>
    public static Half UnitOf(ReadOnlySpan<byte> block) => BinaryPrimitives.ReadHalfLittleEndian(block);

    /// <summary>Returns m.</summary>
    public static Half MinimumOf(ReadOnlySpan<byte> block) => BinaryPrimitives.ReadHalfLittleEndian(block[2..]);

    /// <summary>Returns s and n of a group of 32 weights.</summary>
    public static (int Scale, int Minimum) FactorsOf(ReadOnlySpan<byte> block, int group) =>
        Q4KBlock.FactorsOf(block.Slice(Factors, Q4KBlock.FactorBytes), group);

    /// <summary>Returns q of a weight.</summary>
    public static int NumberOf(ReadOnlySpan<byte> block, int index)
    {
        var (group, i) = Math.DivRem(index, Q4Block.Length);
        return Q4KBlock.NibbleOf(block[Nibbles..], group, i) | (((block[FifthBits + i] >> group) & 1) << 4);
    }
}

/// <summary>
/// A block of GGML's Q6_K: 256 consecutive weights of a row as numbers q from 0 to 63, w = d × s × (q − 32), where d is in
/// half precision and s, a signed byte, belongs to 16 weights.
/// </summary>
internal readonly struct Q6KBlock : IKBits
{
    /// <summary>Weights per block.</summary>
    public const int Length = 256;

    /// <summary>Weights that share s.</summary>
    public const int GroupLength = 16;

    /// <summary>Bytes per block in a file: the lower four bits, the upper two, s, and d.</summary>
    public const int Size = (Length / 2) + (Length / 4) + (Length / GroupLength) + 2;

    /// <summary>What is subtracted from q.</summary>
    public const int Offset = 32;

    private const int UpperBits = Length / 2, Scales = UpperBits + (Length / 4), Unit = Size - 2;

    /// <summary>Returns d.</summary>
    public static Half UnitOf(ReadOnlySpan<byte> block) => BinaryPrimitives.ReadHalfLittleEndian(block[Unit..]);

    static int IKBits.Size => Size;

    static int IKBits.GroupLength => GroupLength;

    static int IKBits.UpperBits => 2;

    static int IKBits.UpperVectors => 4;

    static bool IKBits.HasMinimums => false;

    static Half IKBits.MinimumOf(ReadOnlySpan<byte> block) => default;

    static (int Scale, int Minimum) IKBits.FactorsOf(ReadOnlySpan<byte> block, int group) => (ScaleOf(block, group), 0);

    /// <summary>Returns s of a group of 16 weights.</summary>
    public static sbyte ScaleOf(ReadOnlySpan<byte> block, int group) => (sbyte)block[Scales + group];

    /// <summary>Returns q of a weight.</summary>
    public static int NumberOf(ReadOnlySpan<byte> block, int index)
    {
        // Four quarters of 32 weights share 32 bytes of upper bits, and two of them 32 bytes of lower bits.
        var (half, inHalf) = Math.DivRem(index, Length / 2);
        var (quarter, i) = Math.DivRem(inHalf, Length / 8);
        byte lower = block[(half * Length / 4) + (quarter % 2 * Length / 8) + i];
        int upper = (block[UpperBits + (half * Length / 8) + i] >> (2 * quarter)) & 3;
        return (quarter < 2 ? lower & 0xF : lower >> 4) | (upper << 4);
    }
}
