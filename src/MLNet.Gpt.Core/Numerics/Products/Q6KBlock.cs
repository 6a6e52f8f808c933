using System.Buffers.Binary;

namespace MLNet.Gpt.Numerics.Products;

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
