using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Vectors;

/// <summary>tanh x in single precision, within about 2 units in the last place.</summary>
/// <remarks>
/// For |x| &lt; 0.625 a polynomial (coefficients from Cephes' tanhf, S. Moshier), where 1 − 2 / (e^(2|x|) + 1) would lose
/// digits.
/// </remarks>
internal static class HyperbolicTangent
{
    private const float SmallRange = 0.625f;

    /// <summary>tanh of each lane; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        Vector512<float> one = Vector512<float>.One, magnitude = Vector512.Abs(x), square = x * x;
        var large = one - (Vector512.Create(2f) / (Exponential.Of(magnitude + magnitude) + one));
        large = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), -large, large);

        var p = Vector512.Create(-5.70498872745e-3f);
        p = Vector512.MultiplyAddEstimate(p, square, Vector512.Create(2.06390887954e-2f));
        p = Vector512.MultiplyAddEstimate(p, square, Vector512.Create(-5.37397155531e-2f));
        p = Vector512.MultiplyAddEstimate(p, square, Vector512.Create(1.33314422036e-1f));
        p = Vector512.MultiplyAddEstimate(p, square, Vector512.Create(-3.33332819422e-1f));
        var small = Vector512.MultiplyAddEstimate(p * square, x, x);
        return Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(SmallRange)), small, large);
    }
}
