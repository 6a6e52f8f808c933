using System.Buffers.Binary;

namespace MLNet.Gpt.Numerics.Products;

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
