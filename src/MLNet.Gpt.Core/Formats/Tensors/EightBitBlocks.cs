using System.Buffers.Binary;
using System.Numerics.Tensors;
using MLNet.Gpt.Network;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>
/// GGML's Q8_0: of 32 elements the largest magnitude decides the scale, m / 127, stored as half precision; each element
/// is the nearest multiple of it.
/// </summary>
/// <remarks>
/// Source: <c>quantize_row_q8_0_ref</c> in GGML. The multiples are those of the scale before it is rounded to half
/// precision, ties go away from zero.
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
            for (int i = 0; i < block.Length; i++) destination[2 + i] = (byte)(sbyte)MathF.Round(block[i] * inverse, MidpointRounding.AwayFromZero);
        }
    }
}
