using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>
/// What follows the integer sums of a block of k in all products of quantized rows: they are scaled and added to the
/// single-precision sums, y, of 48 outputs. Every kernel does so here, which is why all give the same bits.
/// </summary>
internal static unsafe class BlockSums
{
    private const int Width = Int8Product.PanelWidth;

    // The bits of a half, moved to where those of a single are, are the number × 2⁻¹¹², even if it is subnormal.
    private const float HalfToSingle = 5.192296858534828e33f;
    private const int HalfBits = unchecked((int)0x8FFFE000), HalfExponent = 0x7C00, SingleExponent = 0x7F800000;

    /// <summary>y += sums × their factors: the row's scale, times the block's scales if there are any.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(Vector512<int> sums, Vector512<float> factors, float* y) =>
        Vector512.MultiplyAddEstimate(Vector512.ConvertToSingle(sums), factors, Vector512.Load(y)).Store(y);

    /// <inheritdoc cref="Add(Vector512{int}, Vector512{float}, float*)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(Vector256<int> sums, Vector256<float> factors, float* y) =>
        Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(sums), factors, Vector256.Load(y)).Store(y);

    /// <summary>y += sums × the row's scale × a block's scales.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(Vector512<int> sums, Vector512<float> rowScale, float* scales, float* y) =>
        Add(sums, rowScale * Vector512.Load(scales), y);

    /// <inheritdoc cref="Add(Vector512{int}, Vector512{float}, float*, float*)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(Vector256<int> sums, Vector256<float> rowScale, float* scales, float* y) =>
        Add(sums, rowScale * Vector256.Load(scales), y);

    /// <summary>The row's scale × a block's scales, unless there are none (<see langword="null"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Factors(Vector512<float> rowScale, float* scales, int output) =>
        scales is null ? rowScale : rowScale * Vector512.Load(scales + output);

    /// <inheritdoc cref="Factors(Vector512{float}, float*, int)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Factors(Vector256<float> rowScale, float* scales, int output) =>
        scales is null ? rowScale : rowScale * Vector256.Load(scales + output);

    /// <summary>y += sums × the row's scale × the block's scales, then y += the row's sum × the block's minimums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(
        Vector512<int> sums, Vector512<float> rowScale, float* scales, Vector512<float> rowSum, float* minimums, float* y)
    {
        var sum = Vector512.MultiplyAddEstimate(Vector512.ConvertToSingle(sums), rowScale * Vector512.Load(scales), Vector512.Load(y));
        Vector512.MultiplyAddEstimate(rowSum, Vector512.Load(minimums), sum).Store(y);
    }

    /// <inheritdoc cref="Add(Vector512{int}, Vector512{float}, float*, Vector512{float}, float*, float*)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(
        Vector256<int> sums, Vector256<float> rowScale, float* scales, Vector256<float> rowSum, float* minimums, float* y)
    {
        var sum = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(sums), rowScale * Vector256.Load(scales), Vector256.Load(y));
        Vector256.MultiplyAddEstimate(rowSum, Vector256.Load(minimums), sum).Store(y);
    }

    /// <summary>y ×= the outputs' scales.</summary>
    public static void Scale(float* scales, float* y)
    {
        for (int i = 0; i < Width; i += Vector256<float>.Count) (Vector256.Load(y + i) * Vector256.Load(scales + i)).Store(y + i);
    }

    /// <summary>products = numbers × bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(float* numbers, byte* bytes, float* products)
    {
        for (int i = 0; i < Width; i += Vector256<float>.Count)
        {
            var words = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)(bytes + i)).AsByte());
            var factors = Vector256.ConvertToSingle(Vector256.WidenLower(words.ToVector256Unsafe()).AsInt32());
            (factors * Vector256.Load(numbers + i)).Store(products + i);
        }
    }

    /// <summary>Widens the scales of some blocks; .NET has no access to the instruction that does so.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Widen(Half* scales, int blocks, float* destination)
    {
        int count = blocks * Width;
        if (Vector512.IsHardwareAccelerated)
        {
            for (int i = 0; i < count; i += Vector512<float>.Count)
            {
                var bits = Vector512.WidenLower(Vector256.Load((short*)scales + i).ToVector512Unsafe());
                var exponent = Vector512.Create(HalfExponent);
                var broken = Vector512.Equals(bits & exponent, exponent) & Vector512.Create(SingleExponent);
                var single = ((bits << 13) & Vector512.Create(HalfBits)).AsSingle() * HalfToSingle;
                (single.AsInt32() | broken).AsSingle().Store(destination + i);
            }
        }
        else
        {
            for (int i = 0; i < count; i += Vector256<float>.Count)
            {
                var bits = Vector256.WidenLower(Vector128.Load((short*)scales + i).ToVector256Unsafe());
                var exponent = Vector256.Create(HalfExponent);
                var broken = Vector256.Equals(bits & exponent, exponent) & Vector256.Create(SingleExponent);
                var single = ((bits << 13) & Vector256.Create(HalfBits)).AsSingle() * HalfToSingle;
                (single.AsInt32() | broken).AsSingle().Store(destination + i);
            }
        }
    }

    /// <summary>Requests later weights while those of a step are multiplied: the hardware's own prefetching stops at each page.</summary>
    /// <param name="step">The step's 192 bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* step)
    {
        const int Distance = 6144; // of 0.75 to 12 KB, the best

        if (!Sse.IsSupported) return;
        Sse.Prefetch0(step + Distance);
        Sse.Prefetch0(step + Distance + 64);
        Sse.Prefetch0(step + Distance + 128);
    }
}
