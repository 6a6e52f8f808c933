using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>
/// A row of activations as signed bytes, with a scale for every 32 of them: an outlier then reduces only its neighbors'
/// precision.
/// </summary>
/// <remarks>
/// The layout is the bytes, padded with 0 to whole blocks, then the scale of each block (float), then a correction per
/// block (int): −128 × the sum of its bytes. Weights are stored with an offset of 128, and a correction removes the offset
/// for every output. Two pairs of 16-bit numbers per block follow, one for each 16 bytes, for the offset of 32 of
/// <see cref="Q6KBlock"/>: −32 × the sum of the first and second of each four bytes, and of the third and fourth.
/// Of two neighbors, positive or negative bytes add up to at most 128: times two unsigned bytes of weights,
/// they fit in 16 bits, 255 × 128, so that one instruction multiplies and adds pairs. The scale therefore depends on the
/// greatest number and on the greatest sum of neighbors; bounding each byte by 64 would make rounding errors of normally
/// distributed numbers 1.5 times as large.
/// </remarks>
internal static unsafe class QuantizedRow
{
    /// <summary>Numbers that share a scale.</summary>
    public const int BlockLength = 32;

    // What the greatest number and the greatest sum of two neighbors are scaled to: rounding adds less than 1/2 and 1.
    private const float Largest = 127.49f, LargestSum = 127.99f;

    /// <summary>Blocks of a row.</summary>
    public static int BlockCountOf(int depth) => (depth + BlockLength - 1) / BlockLength;

    /// <summary>Bytes of a row with its scales, corrections and offsets, a multiple of 64.</summary>
    public static int StrideOf(int depth) => ((BlockCountOf(depth) * (BlockLength + sizeof(float) + (3 * sizeof(int)))) + 63) & ~63;

    /// <summary>The scales of a row's blocks.</summary>
    public static float* ScalesOf(byte* row, int depth) => (float*)(row + (BlockCountOf(depth) * BlockLength));

    /// <summary>The corrections of a row's blocks.</summary>
    public static int* CorrectionsOf(byte* row, int depth) => (int*)(ScalesOf(row, depth) + BlockCountOf(depth));

    /// <summary>The pairs of offsets of a row's blocks, two per block.</summary>
    public static int* OffsetsOf(byte* row, int depth) => CorrectionsOf(row, depth) + BlockCountOf(depth);

    /// <summary>Quantizes one row.</summary>
    /// <param name="source">The row.</param>
    /// <param name="depth">Its length; a multiple of two blocks if these share a scale.</param>
    /// <param name="row">Receives the bytes and what follows them.</param>
    /// <param name="blocksPerScale">Neighboring blocks that get the same scale, 1 or 2.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize(float* source, int depth, byte* row, int blocksPerScale = 1)
    {
        float* rest = stackalloc float[BlockLength];
        for (int block = 0; block < BlockCountOf(depth); block += blocksPerScale)
        {
            float* values = source + (block * BlockLength);
            int count = depth - (block * BlockLength);
            if (count < BlockLength)
            {
                for (int i = 0; i < BlockLength; i++) rest[i] = i < count ? values[i] : 0;
                values = rest;
            }

            float largest = LargestOf(values);
            if (blocksPerScale == 2) largest = MathF.Max(largest, LargestOf(values + BlockLength));
            float scale = Int8Rounding.ScaleOf(largest * (Int8Rounding.Largest / Largest));
            Store(values, scale, depth, row, block);
            if (blocksPerScale == 2) Store(values + BlockLength, scale, depth, row, block + 1);
        }
    }

    // The greatest number or, scaled so that both have the same bound, the greatest sum of neighbors.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float LargestOf(float* values) =>
        Lanes.Max(Vector512.Max(OfPairs(Vector512.Load(values)), OfPairs(Vector512.Load(values + 16))));

    // The sum is in the lane of the first of a pair.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> OfPairs(Vector512<float> values) => Vector512.Max(
        Vector512.Abs(values), Vector512.Abs(values + (values.AsUInt64() >> 32).AsSingle()) * (Largest / LargestSum));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* values, float scale, int depth, byte* row, int block)
    {
        var inverse = Vector512.Create(scale > 0 ? 1 / scale : 0);
        Vector512<int> p = Round(Vector512.Load(values) * inverse), q = Round(Vector512.Load(values + 16) * inverse);
        var words = Vector512.Narrow(p, q);
        var bytes = Vector256.Narrow(words.GetLower(), words.GetUpper());
        bytes.Store((sbyte*)row + (block * BlockLength));
        ScalesOf(row, depth)[block] = scale;
        CorrectionsOf(row, depth)[block] = -Int8Rounding.Offset * Vector512.Sum(p + q);
        var pairs = ((bytes.AsInt16() << 8) >> 8) + (bytes.AsInt16() >> 8);
        int* offsets = OffsetsOf(row, depth) + (2 * block);
        offsets[0] = OffsetOf(pairs.GetLower());
        offsets[1] = OffsetOf(pairs.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Round(Vector512<float> value) => Vector512.ConvertToInt32(Vector512.Round(value));

    // −32 × the sum of four pairs of the sums of two bytes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int OffsetOf(Vector128<short> pairs)
    {
        var sum = pairs + Vector128.Shuffle(pairs.AsInt32(), Vector128.Create(2, 3, 0, 1)).AsInt16();
        sum += Vector128.Shuffle(sum.AsInt32(), Vector128.Create(1, 0, 3, 2)).AsInt16();
        return (-(sum << 5)).AsInt32().ToScalar();
    }
}
