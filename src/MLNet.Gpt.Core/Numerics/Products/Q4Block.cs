using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>
/// 32 consecutive weights of a row as nibbles q from 0 to 15 with a scale d and a minimum m in half precision:
/// w ≈ d × q + m, as in GGML's Q4_1.
/// </summary>
internal static class Q4Block
{
    /// <summary>Weights per block.</summary>
    public const int Length = Q8Block.Length;

    private const int Largest = 15;

    // The numbers of steps that the weights of a block are tried to span: in quarters around 15, then whole ones, which
    // find the numbers of other blocks of 4 bits. With more than 15 the greatest weights are clipped; fewer than 4 waste two bits.
    private const float MostSteps = 16, FewestQuarterSteps = 13, FewestSteps = 4;

    /// <summary>Finds the block that is nearest to numbers, and one that equals them if there is one in GGML's 4-bit types.</summary>
    /// <remarks>
    /// Blocks of GGML's Q4_0 (m = −8 d) and Q4_1 are recognized. Otherwise the range is divided into 16 steps, 15¾ and so on;
    /// each time, d and m are fitted to the rounded numbers by least squares, and the block with the least squared error
    /// is kept (compare <c>make_qkx3_quants</c> of GGML).
    /// </remarks>
    /// <param name="numbers">The 32 numbers.</param>
    /// <param name="scale">d.</param>
    /// <param name="minimum">m; NaN if one of the numbers is no number or beyond half precision.</param>
    /// <param name="nibbles">Receives q, one per byte.</param>
    public static unsafe void Fit(float* numbers, out Half scale, out Half minimum, byte* nibbles)
    {
        Vector512<float> a = Vector512.Load(numbers), b = Vector512.Load(numbers + 16);
        float least = float.PositiveInfinity, greatest = float.NegativeInfinity;
        for (int i = 0; i < Length; i++)
        {
            least = MathF.Min(least, numbers[i]); // keeps NaN
            greatest = MathF.Max(greatest, numbers[i]);
        }

        (scale, minimum) = (default, (Half)least);
        if (!Half.IsFinite(minimum) || !Half.IsFinite((Half)greatest))
        {
            minimum = Half.NaN; // broken values do not pass for numbers
            new Span<byte>(nibbles, Length).Clear();
            return;
        }

        double error = double.PositiveInfinity;
        Vector512<int> p = default, q = default;
        float extreme = MathF.Max(-least, greatest);
        for (int multiple = 8; multiple > 0 && error > 0; multiple--)
        {
            // Whatever the sign, a number of Q4_0 is a multiple of d from -8 to 7.
            var d = (Half)(extreme / multiple);
            if ((float)d * multiple != extreme) continue;
            Try(a, b, d, (Half)(-8 * (float)d), ref error, ref scale, ref minimum, ref p, ref q);
            if (error > 0) Try(a, b, -d, (Half)(8 * (float)d), ref error, ref scale, ref minimum, ref p, ref q);
        }

        for (float steps = MostSteps; steps >= FewestSteps && error > 0; steps -= steps > FewestQuarterSteps ? 0.25f : 1)
        {
            var d = (Half)((greatest - least) / steps);
            Try(a, b, d, (Half)least, ref error, ref scale, ref minimum, ref p, ref q);
            if (error > 0) Refine(a, b, d, least, ref error, ref scale, ref minimum, ref p, ref q);
        }

        Vector512.Narrow(Vector512.Narrow(p, q), Vector512<short>.Zero).GetLower().AsByte().Store(nibbles);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Round(Vector512<float> x, float scale, float minimum)
    {
        float inverse = scale == 0 ? 0 : 1 / scale;
        var steps = Vector512.Round((x - Vector512.Create(minimum)) * Vector512.Create(inverse));
        return Vector512.Min(Vector512.Max(steps, Vector512<float>.Zero), Vector512.Create((float)Largest));
    }

    private static void Try(
        Vector512<float> a, Vector512<float> b, Half d, Half m, ref double error, ref Half scale, ref Half minimum,
        ref Vector512<int> p, ref Vector512<int> q)
    {
        if (!Half.IsFinite(d) || !Half.IsFinite(m)) return;
        Vector512<float> x = Round(a, (float)d, (float)m), y = Round(b, (float)d, (float)m);
        Vector512<float> dv = Vector512.Create((float)d), mv = Vector512.Create((float)m);
        Vector512<float> left = (x * dv) + mv - a, right = (y * dv) + mv - b;
        double sum = Vector512.Sum((left * left) + (right * right));
        if (!(sum < error)) return;
        (error, scale, minimum, p, q) = (sum, d, m, Vector512.ConvertToInt32(x), Vector512.ConvertToInt32(y));
    }

    // The least squares of d and m for nibbles that are given.
    private static void Refine(
        Vector512<float> a, Vector512<float> b, Half d, float m, ref double error, ref Half scale, ref Half minimum,
        ref Vector512<int> p, ref Vector512<int> q)
    {
        Vector512<float> x = Round(a, (float)d, m), y = Round(b, (float)d, m);
        double sumX = Vector512.Sum(x + y), sumXX = Vector512.Sum((x * x) + (y * y));
        double sumW = Vector512.Sum(a + b), sumXW = Vector512.Sum((x * a) + (y * b));
        double divisor = (Length * sumXX) - (sumX * sumX);
        if (divisor <= 0) return;
        double slope = ((Length * sumXW) - (sumX * sumW)) / divisor;
        Try(a, b, (Half)slope, (Half)((sumW - (slope * sumX)) / Length), ref error, ref scale, ref minimum, ref p, ref q);
    }
}
