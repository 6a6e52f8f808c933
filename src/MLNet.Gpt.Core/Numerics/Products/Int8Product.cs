using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>One quantized row times a panel of byte weights.</summary>
/// <remarks>
/// A panel is [four of k][48 outputs][4]: one 32-byte load has four steps of k for eight outputs, and one instruction
/// multiplies them with the same four steps of the row and adds up groups of four. Within a block of 64 steps, sums are
/// integers, so every instruction set gives the same result; then they are scaled and added to a single-precision sum.
/// Weights are unsigned (offset by 128) and activations signed because the instruction requires it.
/// </remarks>
internal static unsafe class Int8Product
{
    /// <summary>Outputs of a panel, at every register width.</summary>
    public const int PanelWidth = 48;

    private const int StepsPerBlock = QuantizedRow.BlockLength / 4;
    private const int StepBytes = 4 * PanelWidth;

    /// <summary>y (48) = row · panel, not yet scaled by the outputs' scales.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(int depth, byte* row, byte* panel, float* scales, float* y)
    {
        float* rowScales = QuantizedRow.ScalesOf(row, depth);
        int* corrections = QuantizedRow.CorrectionsOf(row, depth);
        Vector256<float> y0 = default, y1 = default, y2 = default, y3 = default, y4 = default, y5 = default;
        int steps = (depth + 3) / 4;
        for (int block = 0; steps > 0; block++, steps -= StepsPerBlock)
        {
            var s0 = Vector256.Create(corrections[2 * block] + corrections[(2 * block) + 1]);
            Vector256<int> s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
            int* four = (int*)row + (block * StepsPerBlock);
            int* end = four + Math.Min(StepsPerBlock, steps);
            for (; four < end; four++)
            {
                var x = Vector256.Create(*four).AsSByte();
                s0 = MultiplyAddFours(s0, Vector256.Load(panel), x);
                s1 = MultiplyAddFours(s1, Vector256.Load(panel + 32), x);
                s2 = MultiplyAddFours(s2, Vector256.Load(panel + 64), x);
                s3 = MultiplyAddFours(s3, Vector256.Load(panel + 96), x);
                s4 = MultiplyAddFours(s4, Vector256.Load(panel + 128), x);
                s5 = MultiplyAddFours(s5, Vector256.Load(panel + 160), x);
                panel += StepBytes;
            }

            var scale = Vector256.Create(rowScales[block]);
            y0 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s0), scale, y0);
            y1 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s1), scale, y1);
            y2 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s2), scale, y2);
            y3 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s3), scale, y3);
            y4 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s4), scale, y4);
            y5 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(s5), scale, y5);
        }

        (y0 * Vector256.Load(scales)).Store(y);
        (y1 * Vector256.Load(scales + 8)).Store(y + 8);
        (y2 * Vector256.Load(scales + 16)).Store(y + 16);
        (y3 * Vector256.Load(scales + 24)).Store(y + 24);
        (y4 * Vector256.Load(scales + 32)).Store(y + 32);
        (y5 * Vector256.Load(scales + 40)).Store(y + 40);
    }

    /// <summary>
    /// Adds to each 32-bit lane the products of its four unsigned and four signed bytes; never saturates.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<int> MultiplyAddFours(Vector256<int> sum, Vector256<byte> unsigned, Vector256<sbyte> signed)
    {
        if (AvxVnni.IsSupported) return AvxVnni.MultiplyWideningAndAdd(sum, unsigned, signed);
        if (Avx2.IsSupported)
        {
            // Even and odd bytes are widened to 16 bits separately: two products of at most 255 × 127 fit in a 32-bit
            // sum.
            var evenUnsigned = (unsigned.AsUInt16() & Vector256.Create((ushort)0xFF)).AsInt16();
            var oddUnsigned = (unsigned.AsUInt16() >> 8).AsInt16();
            var evenSigned = (signed.AsInt16() << 8) >> 8;
            var oddSigned = signed.AsInt16() >> 8;
            return sum + Avx2.MultiplyAddAdjacent(evenUnsigned, evenSigned) + Avx2.MultiplyAddAdjacent(oddUnsigned, oddSigned);
        }

        if (Dp.IsSupported)
        {
            // The Arm instruction takes two signed operands: flipping the top bit removes the offset of 128, and 128 ×
            // the sum of the four is added back, because the correction expects the offset.
            var flipped = (unsigned ^ Vector256.Create((byte)0x80)).AsSByte();
            var offset = Vector128.Create((sbyte)64);
            var lower = Dp.DotProduct(sum.GetLower(), flipped.GetLower(), signed.GetLower());
            var upper = Dp.DotProduct(sum.GetUpper(), flipped.GetUpper(), signed.GetUpper());
            lower = Dp.DotProduct(Dp.DotProduct(lower, offset, signed.GetLower()), offset, signed.GetLower());
            upper = Dp.DotProduct(Dp.DotProduct(upper, offset, signed.GetUpper()), offset, signed.GetUpper());
            return Vector256.Create(lower, upper);
        }

        return MultiplyAddFoursPlain(sum, unsigned, signed);
    }

    /// <summary>The same in plain arithmetic.</summary>
    internal static Vector256<int> MultiplyAddFoursPlain(Vector256<int> sum, Vector256<byte> unsigned, Vector256<sbyte> signed)
    {
        int* sums = stackalloc int[8];
        sum.Store(sums);
        byte* left = (byte*)&unsigned;
        sbyte* right = (sbyte*)&signed;
        for (int i = 0; i < 32; i++) sums[i / 4] += left[i] * right[i];
        return Vector256.Load(sums);
    }
}
