using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>
/// A row of activations as signed bytes, with a scale for every 64 of them: an outlier then reduces only its neighbors'
/// precision.
/// </summary>
/// <remarks>
/// The layout is the bytes, padded with 0 to whole blocks, then the scale of each block (float), then two corrections
/// per block (int), one for each half: −128 × the sum of its 32 bytes. Weights are stored with an offset of 128, and a
/// correction removes the offset for every output. Four pairs of 16-bit numbers per block follow, one for each 16 bytes, for the
/// offset of 32 of <see cref="Q6KBlock"/>: −32 × the sum of the first and second of each four bytes, and of the third and fourth.
/// </remarks>
internal static unsafe class QuantizedRow
{
    /// <summary>Numbers that share a scale.</summary>
    public const int BlockLength = 64;

    /// <summary>Blocks of a row.</summary>
    public static int BlockCountOf(int depth) => (depth + BlockLength - 1) / BlockLength;

    /// <summary>Bytes of a row with its scales and corrections, a multiple of 64.</summary>
    public static int StrideOf(int depth) => ((BlockCountOf(depth) * (BlockLength + 28)) + 63) & ~63;

    /// <summary>The scales of a row's blocks.</summary>
    public static float* ScalesOf(byte* row, int depth) => (float*)(row + (BlockCountOf(depth) * BlockLength));

    /// <summary>The corrections of a row's blocks, two per block.</summary>
    public static int* CorrectionsOf(byte* row, int depth) => (int*)(ScalesOf(row, depth) + BlockCountOf(depth));

    /// <summary>The pairs of offsets of a row's blocks, four per block.</summary>
    public static int* OffsetsOf(byte* row, int depth) => CorrectionsOf(row, depth) + (2 * BlockCountOf(depth));

    /// <summary>Quantizes one row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize(float* source, int depth, byte* row)
    {
        float* scales = ScalesOf(row, depth);
        int* corrections = CorrectionsOf(row, depth), offsets = OffsetsOf(row, depth);
        float* rest = stackalloc float[BlockLength];
        for (int block = 0; block < BlockCountOf(depth); block++)
        {
            float* values = source + (block * BlockLength);
            int count = depth - (block * BlockLength);
            if (count < BlockLength)
            {
                for (int i = 0; i < BlockLength; i++) rest[i] = i < count ? values[i] : 0;
                values = rest;
            }

            Vector512<float> a = Vector512.Load(values), b = Vector512.Load(values + 16);
            Vector512<float> c = Vector512.Load(values + 32), d = Vector512.Load(values + 48);
            float scale = Int8Rounding.ScaleOf(Lanes.Max(Vector512.Max(
                Vector512.Max(Vector512.Abs(a), Vector512.Abs(b)), Vector512.Max(Vector512.Abs(c), Vector512.Abs(d)))));
            var inverse = Vector512.Create(scale > 0 ? 1 / scale : 0);
            Vector512<int> p = Round(a * inverse), q = Round(b * inverse), r = Round(c * inverse), s = Round(d * inverse);
            var bytes = Vector512.Narrow(Vector512.Narrow(p, q), Vector512.Narrow(r, s));
            bytes.Store((sbyte*)row + (block * BlockLength));
            scales[block] = scale;
            corrections[2 * block] = -Int8Rounding.Offset * Vector512.Sum(p + q);
            corrections[(2 * block) + 1] = -Int8Rounding.Offset * Vector512.Sum(r + s);
            StoreOffsets(bytes.AsInt16(), offsets + (4 * block));
        }
    }

    // Sums of pairs of bytes, then of four pairs.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreOffsets(Vector512<short> bytes, int* offsets)
    {
        var pairs = ((bytes << 8) >> 8) + (bytes >> 8);
        Store(pairs.GetLower(), offsets);
        Store(pairs.GetUpper(), offsets + 2);

        static void Store(Vector256<short> pairs, int* offsets)
        {
            offsets[0] = Sum(pairs.GetLower());
            offsets[1] = Sum(pairs.GetUpper());
        }

        static int Sum(Vector128<short> pairs)
        {
            var sum = pairs + Vector128.Shuffle(pairs.AsInt32(), Vector128.Create(2, 3, 0, 1)).AsInt16();
            sum += Vector128.Shuffle(sum.AsInt32(), Vector128.Create(1, 0, 3, 2)).AsInt16();
            return (-(sum << 5)).AsInt32().ToScalar();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Round(Vector512<float> value) => Vector512.ConvertToInt32(Vector512.Round(value));
}
