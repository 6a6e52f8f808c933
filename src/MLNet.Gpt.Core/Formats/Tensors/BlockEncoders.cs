using System.Buffers.Binary;
using System.Numerics.Tensors;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>
/// GGML's Q8_0: the largest magnitude m of 32 elements determines the scale, m / 127, stored in half precision; each
/// element is the nearest multiple of it.
/// </summary>
/// <remarks>
/// Source: <c>quantize_row_q8_0_ref</c> in GGML. The multiples are those of the scale before it is rounded to half
/// precision; ties round away from zero.
/// </remarks>
internal static class EightBitBlocks
{
    public static void Encode(ReadOnlySpan<float> elements, Span<byte> destination)
    {
        for (; !elements.IsEmpty; elements = elements[Q8Block.Length..], destination = destination[Q8Block.Size..])
        {
            var block = elements[..Q8Block.Length];
            float scale = MathF.Abs(TensorPrimitives.MaxMagnitude(block)) / 127;
            float inverse = scale == 0 ? 0 : 1 / scale;
            BinaryPrimitives.WriteHalfLittleEndian(destination, (Half)scale);
            for (int i = 0; i < block.Length; i++)
            {
                destination[2 + i] = (byte)(sbyte)MathF.Round(block[i] * inverse, MidpointRounding.AwayFromZero);
            }
        }
    }
}

/// <summary>
/// GGML's Q4_0: the element of the largest magnitude determines the scale, −1/8 of it, stored in half precision; each
/// element is the nearest of the multiples −8 to 7 of it.
/// </summary>
/// <remarks>
/// Source: <c>quantize_row_q4_0_ref</c> in GGML. The multiples are those of the scale before it is rounded to half
/// precision; ties round up.
/// </remarks>
internal static class FourBitBlocks
{
    private const int Half = Q4Block.Length / 2, Center = 8;

    /// <summary>Elements per block.</summary>
    public const int Length = Q4Block.Length;

    /// <summary>Bytes per block: the scale, then 16 bytes with an element of the first half below and one of the second above.</summary>
    public const int Size = 2 + Half;

    /// <summary>Rounds elements as GGML does.</summary>
    public static void Encode(ReadOnlySpan<float> elements, Span<byte> destination)
    {
        for (; !elements.IsEmpty; elements = elements[Length..], destination = destination[Size..])
        {
            EncodeBlock(elements[..Length], destination);
        }
    }

    /// <summary>Finds the blocks that represent elements exactly.</summary>
    /// <returns>Whether there are such blocks.</returns>
    public static bool TryRestore(ReadOnlySpan<float> elements, Span<byte> destination)
    {
        for (; !elements.IsEmpty; elements = elements[Length..], destination = destination[Size..])
        {
            if (!TryRestoreBlock(elements[..Length], destination[..Size])) return false;
        }

        return true;
    }

    private static void EncodeBlock(ReadOnlySpan<float> block, Span<byte> destination)
    {
        float scale = ExtremeOf(block) / -Center, inverse = scale == 0 ? 0 : 1 / scale;
        BinaryPrimitives.WriteHalfLittleEndian(destination, (System.Half)scale);
        for (int i = 0; i < Half; i++)
        {
            destination[2 + i] = (byte)(NibbleOf(block[i] * inverse) | (NibbleOf(block[Half + i] * inverse) << 4));
        }
    }

    private static int NibbleOf(float multiple) => Math.Clamp((int)(multiple + (Center + 0.5f)), 0, 15);

    // The first of those with the largest magnitude.
    private static float ExtremeOf(ReadOnlySpan<float> block)
    {
        float extreme = 0;
        foreach (float element in block)
        {
            if (MathF.Abs(element) > MathF.Abs(extreme)) extreme = element;
        }

        return extreme;
    }

    // Blocks that GGML rounded are found by rounding again. Its search with an importance matrix may give the extreme a
    // smaller multiple, usually a negative one.
    private static bool TryRestoreBlock(ReadOnlySpan<float> block, Span<byte> destination)
    {
        EncodeBlock(block, destination);
        if (Represents(destination, block)) return true;
        float extreme = ExtremeOf(block);
        for (int steps = 1; steps <= 2 * Center; steps++)
        {
            int multiple = steps <= Center ? -steps : steps - Center;
            var scale = (System.Half)(extreme / multiple);
            if (multiple == Center || scale == default || (float)scale * multiple != extreme) continue;
            BinaryPrimitives.WriteHalfLittleEndian(destination, scale);
            for (int i = 0; i < Half; i++)
            {
                destination[2 + i] = (byte)(NibbleOf(block[i] / (float)scale) | (NibbleOf(block[Half + i] / (float)scale) << 4));
            }

            if (Represents(destination, block)) return true;
        }

        return false;
    }

    private static bool Represents(ReadOnlySpan<byte> bytes, ReadOnlySpan<float> block)
    {
        Span<float> decoded = stackalloc float[Length];
        BlockDecoder.Decode(TensorDataType.Q4_0, bytes, decoded);
        return decoded.SequenceEqual(block);
    }
}
