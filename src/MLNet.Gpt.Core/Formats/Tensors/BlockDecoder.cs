using System.Buffers.Binary;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>Decodes the blocks of GGML's quantized types.</summary>
/// <remarks>
/// Source: the functions <c>dequantize_row_*</c> and the structures <c>block_*</c> of GGML (<c>ggml-quants.c</c>,
/// <c>ggml-common.h</c>). The K types have blocks of 256 elements in groups of 16 or 32, whose scales are themselves
/// quantized. Every number is computed in the order of GGML's code, so it has the same bits.
/// </remarks>
internal static class BlockDecoder
{
    /// <summary>Elements of a block of the K types.</summary>
    public const int KLength = 256;

    // The 16 values that IQ4_NL and IQ4_XS choose from.
    private static ReadOnlySpan<sbyte> Levels => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>Returns the bytes of a block; <see langword="null"/> for a type without blocks.</summary>
    public static int? SizeOf(TensorDataType type) => type switch
    {
        TensorDataType.Q8_0 => Q8Block.Size,
        TensorDataType.Q4_0 or TensorDataType.IQ4_NL => FourBitBlocks.Size,
        TensorDataType.Q4_1 => 20,
        TensorDataType.Q5_0 => 22,
        TensorDataType.Q5_1 => 24,
        TensorDataType.Q2_K => 84,
        TensorDataType.Q3_K => 110,
        TensorDataType.IQ4_XS => 136,
        TensorDataType.Q4_K => Q4KBlock.Size,
        TensorDataType.Q5_K => Q5KBlock.Size,
        TensorDataType.Q6_K => Q6KBlock.Size,
        _ => null,
    };

    /// <summary>Returns the elements of a block; 1 for a type without blocks.</summary>
    public static int LengthOf(TensorDataType type) => type switch
    {
        TensorDataType.Q2_K or TensorDataType.Q3_K or TensorDataType.Q4_K or TensorDataType.Q5_K or TensorDataType.Q6_K
            or TensorDataType.IQ4_XS => KLength,
        _ => SizeOf(type) is null ? 1 : Q8Block.Length,
    };

    /// <summary>Decodes one block.</summary>
    /// <param name="type">A type with blocks.</param>
    /// <param name="block">The bytes.</param>
    /// <param name="y">Receives the elements.</param>
    public static void Decode(TensorDataType type, ReadOnlySpan<byte> block, Span<float> y)
    {
        switch (type)
        {
            case TensorDataType.Q8_0: DecodeQ8_0(block, y); break;
            case TensorDataType.Q4_0: DecodeNibbles(block, block[2..], -0f, -8, y); break;
            case TensorDataType.Q4_1: DecodeNibbles(block, block[4..], HalfAt(block, 2), 0, y); break;
            case TensorDataType.Q5_0: DecodeFive(block, block[2..], -0f, -16, y); break;
            case TensorDataType.Q5_1: DecodeFive(block, block[4..], HalfAt(block, 2), 0, y); break;
            case TensorDataType.IQ4_NL: DecodeLevels(HalfAt(block, 0), block[2..], y); break;
            case TensorDataType.Q2_K: DecodeQ2_K(block, y); break;
            case TensorDataType.Q3_K: DecodeQ3_K(block, y); break;
            case TensorDataType.Q4_K: DecodeQ4_K(block, default, block[16..], y); break;
            case TensorDataType.Q5_K: DecodeQ4_K(block, block.Slice(16, 32), block[48..], y); break;
            case TensorDataType.Q6_K: DecodeQ6_K(block, y); break;
            case TensorDataType.IQ4_XS: DecodeIQ4_XS(block, y); break;
            default: throw Check.Undefined(type, nameof(type));
        }
    }

    private static void DecodeQ8_0(ReadOnlySpan<byte> block, Span<float> y)
    {
        float scale = HalfAt(block, 0);
        for (int i = 0; i < Q8Block.Length; i++) y[i] = scale * (sbyte)block[2 + i];
    }

    // Adding a minimum of -0 keeps the sign of 0. Lower nibbles are the first half of the elements, upper ones the second.
    private static void DecodeNibbles(ReadOnlySpan<byte> block, ReadOnlySpan<byte> nibbles, float minimum, int offset, Span<float> y)
    {
        float scale = HalfAt(block, 0);
        for (int i = 0; i < 16; i++)
        {
            y[i] = (((nibbles[i] & 0xF) + offset) * scale) + minimum;
            y[i + 16] = (((nibbles[i] >> 4) + offset) * scale) + minimum;
        }
    }

    // As nibbles, with the fifth bits of all elements in a word before them.
    private static void DecodeFive(ReadOnlySpan<byte> block, ReadOnlySpan<byte> bits, float minimum, int offset, Span<float> y)
    {
        float scale = HalfAt(block, 0);
        uint fifths = BinaryPrimitives.ReadUInt32LittleEndian(bits);
        for (int i = 0; i < 16; i++)
        {
            int first = (bits[4 + i] & 0xF) | (int)(((fifths >> i) & 1) << 4);
            int second = (bits[4 + i] >> 4) | (int)(((fifths >> (i + 16)) & 1) << 4);
            y[i] = ((first + offset) * scale) + minimum;
            y[i + 16] = ((second + offset) * scale) + minimum;
        }
    }

    private static void DecodeLevels(float scale, ReadOnlySpan<byte> nibbles, Span<float> y)
    {
        for (int i = 0; i < 16; i++)
        {
            y[i] = scale * Levels[nibbles[i] & 0xF];
            y[i + 16] = scale * Levels[nibbles[i] >> 4];
        }
    }

    private static void DecodeIQ4_XS(ReadOnlySpan<byte> block, Span<float> y)
    {
        float scale = HalfAt(block, 0);
        int upper = BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);
        for (int group = 0; group < 8; group++)
        {
            int lower = (block[4 + (group / 2)] >> (4 * (group % 2))) & 0xF, own = lower | (((upper >> (2 * group)) & 3) << 4);
            DecodeLevels(scale * (own - 32), block[(8 + (16 * group))..], y[(32 * group)..]);
        }
    }

    private static void DecodeQ2_K(ReadOnlySpan<byte> block, Span<float> y)
    {
        float scale = HalfAt(block, 80), minimum = HalfAt(block, 82);
        for (int group = 0; group < 16; group++)
        {
            // Groups of 16 alternate between two halves of 32 bytes; four pairs of groups share these bytes.
            float own = scale * (block[group] & 0xF), least = minimum * (block[group] >> 4);
            var twos = block.Slice(16 + (group / 8 * 32) + (group % 2 * 16), 16);
            int shift = group % 8 / 2 * 2;
            for (int i = 0; i < 16; i++) y[(16 * group) + i] = (own * ((twos[i] >> shift) & 3)) - least;
        }
    }

    private static void DecodeQ3_K(ReadOnlySpan<byte> block, Span<float> y)
    {
        var scales = block.Slice(96, 12);
        float scale = HalfAt(block, 108);
        for (int group = 0; group < 16; group++)
        {
            int lower = group < 8 ? scales[group] & 0xF : scales[group - 8] >> 4;
            int upper = (scales[8 + (group % 4)] >> (2 * (group / 4))) & 3;
            float own = scale * ((lower | (upper << 4)) - 32);
            int half = group % 2 * 16, shift = group % 8 / 2 * 2, bit = 1 << (group / 2);
            var twos = block.Slice(32 + (group / 8 * 32) + half, 16);
            for (int i = 0; i < 16; i++)
            {
                int value = ((twos[i] >> shift) & 3) - ((block[half + i] & bit) != 0 ? 0 : 4);
                y[(16 * group) + i] = own * value;
            }
        }
    }

    // Q5_K has the fifth bits of all elements besides.
    private static void DecodeQ4_K(ReadOnlySpan<byte> block, ReadOnlySpan<byte> fifths, ReadOnlySpan<byte> nibbles, Span<float> y)
    {
        float scale = HalfAt(block, 0), minimum = HalfAt(block, 2);
        for (int group = 0; group < 8; group++)
        {
            var (ownScale, ownMinimum) = Q4KBlock.FactorsOf(block.Slice(4, Q4KBlock.FactorBytes), group);
            float own = scale * ownScale, least = minimum * ownMinimum;
            for (int i = 0; i < 32; i++)
            {
                int value = Q4KBlock.NibbleOf(nibbles, group, i);
                if (!fifths.IsEmpty) value += ((fifths[i] >> group) & 1) << 4;
                y[(32 * group) + i] = (own * value) - least;
            }
        }
    }

    private static void DecodeQ6_K(ReadOnlySpan<byte> block, Span<float> y)
    {
        float unit = (float)Q6KBlock.UnitOf(block);
        for (int i = 0; i < Q6KBlock.Length; i++)
        {
            y[i] = unit * Q6KBlock.ScaleOf(block, i / Q6KBlock.GroupLength) * (Q6KBlock.NumberOf(block, i) - Q6KBlock.Offset);
        }
    }

    private static float HalfAt(ReadOnlySpan<byte> block, int offset) => (float)BinaryPrimitives.ReadHalfLittleEndian(block[offset..]);
}
