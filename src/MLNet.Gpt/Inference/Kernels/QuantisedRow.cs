namespace MLNet.Gpt.Inference.Kernels;

/// <summary>
/// A row of activations as signed bytes, with a scale for every 64 of them: one outlier then coarsens only its neighbours.
/// </summary>
/// <remarks>
/// Laid out as the bytes, padded with 0 to whole blocks, then per block its scale (float) and its correction (int), −128 × the sum of
/// its bytes: weights are held offset by 128, and this takes the offset out again whatever the output.
/// </remarks>
internal static unsafe class QuantisedRow
{
    /// <summary>Numbers that share a scale.</summary>
    public const int BlockLength = 64;

    /// <summary>Blocks of a row.</summary>
    public static int BlockCountOf(int depth) => (depth + BlockLength - 1) / BlockLength;

    /// <summary>Bytes of a row with its scales and corrections, a multiple of 64.</summary>
    public static int StrideOf(int depth) => ((BlockCountOf(depth) * (BlockLength + 8)) + 63) & ~63;

    /// <summary>The scales of a row's blocks.</summary>
    public static float* ScalesOf(byte* row, int depth) => (float*)(row + (BlockCountOf(depth) * BlockLength));

    /// <summary>The corrections of a row's blocks.</summary>
    public static int* CorrectionsOf(byte* row, int depth) => (int*)(ScalesOf(row, depth) + BlockCountOf(depth));

    /// <summary>Quantises one row.</summary>
    public static void Quantise(float* source, int depth, byte* row)
    {
        float* scales = ScalesOf(row, depth);
        int* corrections = CorrectionsOf(row, depth);
        sbyte* bytes = (sbyte*)row;
        for (int block = 0; block < BlockCountOf(depth); block++)
        {
            int first = block * BlockLength, count = Math.Min(BlockLength, depth - first);
            float scale = Int8Rounding.ScaleOf(new ReadOnlySpan<float>(source + first, count));
            float inverse = scale > 0 ? 1 / scale : 0;
            int sum = 0;
            for (int i = 0; i < BlockLength; i++)
            {
                int value = i < count ? Int8Rounding.Round(source[first + i], inverse) : 0;
                bytes[first + i] = (sbyte)value;
                sum += value;
            }

            scales[block] = scale;
            corrections[block] = -Int8Rounding.Offset * sum;
        }
    }
}
