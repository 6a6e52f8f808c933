using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Random;

/// <summary>
/// Fills arrays as PyTorch's <c>uniform_</c> and <c>normal_</c> fill a contiguous tensor of single precision on a CPU
/// after <c>torch.manual_seed</c>, bit for bit. PyTorch's results depend on the kernels that it chooses; these are
/// those for x86-64 with AVX2, which it also uses on AVX-512, computed identically on every machine.
/// </summary>
/// <remarks>
/// Sources: PyTorch's documentation of the methods and its published kernels for the order of the draws; Box and Muller
/// (1958) for the transform; the polynomials of logf, sinf and cosf in S. Moshier's Cephes library, fused where
/// PyTorch's compiler fuses them.
/// </remarks>
internal sealed class PyTorchGenerator(long seed)
{
    private const int Block = 16; // numbers per vectorized transform: 8 radii, then 8 angles
    private readonly MersenneTwister _random = new((uint)seed);
    private double? _spare; // the second number of a pair is kept between calls, as in PyTorch's generator

    /// <summary>Draws from U(minimum, maximum).</summary>
    public void FillUniform(Span<float> destination, double minimum, double maximum)
    {
        float low = (float)minimum, width = (float)maximum - low;
        foreach (ref float element in destination) element = MathF.FusedMultiplyAdd(Uniform(), width, low);
    }

    /// <summary>Draws from N(mean, deviation²).</summary>
    public void FillNormal(Span<float> destination, double mean, double deviation)
    {
        if (destination.Length < Block)
        {
            foreach (ref float element in destination) element = (float)((Normal() * deviation) + mean);
            return;
        }

        foreach (ref float element in destination) element = Uniform();
        var means = Vector256.Create((float)mean);
        var deviations = Vector256.Create((float)deviation);
        for (int i = 0; i <= destination.Length - Block; i += Block) Transform(destination.Slice(i, Block), means, deviations);
        if (destination.Length % Block == 0) return;

        // The last block overlaps the previous one, and all of its numbers are redrawn.
        var last = destination[^Block..];
        foreach (ref float element in last) element = Uniform();
        Transform(last, means, deviations);
    }

    /// <summary>From U(0, 1), with 24 random bits.</summary>
    private float Uniform() => (_random.Next() & ((1 << 24) - 1)) * (1f / (1 << 24));

    /// <summary>From U(0, 1), with 53 random bits.</summary>
    private double UniformDouble() => (_random.Next64() & ((1UL << 53) - 1)) * (1.0 / (1UL << 53));

    /// <summary>From N(0, 1), in double precision; PyTorch does this for fewer than 16 numbers.</summary>
    private double Normal()
    {
        if (_spare is { } spare)
        {
            _spare = null;
            return spare;
        }

        double angle = 2 * Math.PI * UniformDouble();
        double radius = Math.Sqrt(-2 * Math.Log(1 - UniformDouble())); // the difference is exact
        _spare = radius * Math.Sin(angle);
        return radius * Math.Cos(angle);
    }

    /// <summary>Turns 16 numbers from U(0, 1) into numbers from N(mean, deviation²).</summary>
    private static void Transform(Span<float> block, Vector256<float> mean, Vector256<float> deviation)
    {
        var radius = Vector256.Sqrt(Vector256.Create(-2f) * Log(Vector256<float>.One - Vector256.Create<float>(block)));
        var (sine, cosine) = SinCos(Vector256.Create((float)(2 * Math.PI)) * Vector256.Create<float>(block[8..]));
        Vector256.FusedMultiplyAdd(radius * cosine, deviation, mean).CopyTo(block);
        Vector256.FusedMultiplyAdd(radius * sine, deviation, mean).CopyTo(block[8..]);
    }

    /// <summary>The natural logarithm of numbers in (0, 1].</summary>
    private static Vector256<float> Log(Vector256<float> x)
    {
        // x = m · 2^e with m in [√½, √2)
        var exponent = Vector256.ConvertToSingle(Vector256.ShiftRightLogical(x.AsInt32(), 23) - Vector256.Create(126));
        var m = ((x.AsInt32() & Vector256.Create(0x007FFFFF)) | Vector256.Create(0x3F000000)).AsSingle(); // in [½, 1)
        var small = Vector256.LessThan(m, Vector256.Create(0.707106781186547524f));
        exponent -= Vector256<float>.One & small;
        m = m - Vector256<float>.One + (m & small);

        var square = m * m;
        var y = Vector256.Create(7.0376836292e-2f);
        y = Add(y, m, -1.1514610310e-1f);
        y = Add(y, m, 1.1676998740e-1f);
        y = Add(y, m, -1.2420140846e-1f);
        y = Add(y, m, 1.4249322787e-1f);
        y = Add(y, m, -1.6668057665e-1f);
        y = Add(y, m, 2.0000714765e-1f);
        y = Add(y, m, -2.4999993993e-1f);
        y = Add(y, m, 3.3333331174e-1f);
        y = Vector256.FusedMultiplyAdd(y * m, square, exponent * Vector256.Create(-2.12194440e-4f)); // ln 2 in two parts
        y -= square * Vector256.Create(0.5f);
        return Vector256.FusedMultiplyAdd(exponent, Vector256.Create(0.693359375f), m + y);
    }

    /// <summary>Sine and cosine of angles in [0, 2π).</summary>
    private static (Vector256<float> Sine, Vector256<float> Cosine) SinCos(Vector256<float> x)
    {
        // x = j · π/4 + r with j even and r in [−π/4, π/4]; π/4 is subtracted in three parts.
        var j = (Vector256.ConvertToInt32(x * Vector256.Create(1.27323954473516f)) + Vector256<int>.One) & Vector256.Create(~1);
        var octant = Vector256.ConvertToSingle(j);
        var r = Vector256.FusedMultiplyAdd(octant, Vector256.Create(-0.78515625f), x);
        r = Vector256.FusedMultiplyAdd(octant, Vector256.Create(-2.4187564849853515625e-4f), r);
        r = Vector256.FusedMultiplyAdd(octant, Vector256.Create(-3.77489497744594108e-8f), r);

        var square = r * r;
        var even = Vector256.Create(2.443315711809948e-5f);
        even = Add(even, square, -1.388731625493765e-3f);
        even = Add(even, square, 4.166664568298827e-2f);
        even = Vector256.FusedMultiplyAdd(even * square, square, square * Vector256.Create(-0.5f)) + Vector256<float>.One;

        var odd = Vector256.Create(-1.9515295891e-4f);
        odd = Add(odd, square, 8.3321608736e-3f);
        odd = Add(odd, square, -1.6666654611e-1f);
        odd = Vector256.FusedMultiplyAdd(odd * square, r, r);

        var isSine = Vector256.Equals(j & Vector256.Create(2), Vector256<int>.Zero).AsSingle(); // not in quadrants 0 and 2
        var sineSign = Vector256.ShiftLeft(j & Vector256.Create(4), 29);
        var cosineSign = Vector256.ShiftLeft(~(j - Vector256.Create(2)) & Vector256.Create(4), 29);
        var sine = Vector256.ConditionalSelect(isSine, odd, even);
        var cosine = Vector256.ConditionalSelect(isSine, even, odd);
        return ((sine.AsInt32() ^ sineSign).AsSingle(), (cosine.AsInt32() ^ cosineSign).AsSingle());
    }

    /// <summary>One step of Horner's scheme, y · x + c, rounded once.</summary>
    private static Vector256<float> Add(Vector256<float> y, Vector256<float> x, float c) =>
        Vector256.FusedMultiplyAdd(y, x, Vector256.Create(c));
}
