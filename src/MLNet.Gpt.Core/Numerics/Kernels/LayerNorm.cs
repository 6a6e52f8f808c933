using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// Layer normalisation: (x − mean) / √(variance + ε) × scale + shift, with the variance of the whole row (divided by
/// its length).
/// </summary>
internal static unsafe class LayerNorm
{
    /// <summary>Normalises one row; the output may be the input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(float* x, float* scale, float* shift, int width, float* y)
    {
        int whole = width & ~(Lanes.Count - 1), rest = width - whole;
        var sum = Vector512<float>.Zero;
        for (int i = 0; i < whole; i += Lanes.Count) sum += Vector512.Load(x + i);
        if (rest > 0) sum += Lanes.LoadPartial(x + whole, rest, 0);
        float mean = Lanes.Sum(sum) / width;

        var means = Vector512.Create(mean);
        var squares = Vector512<float>.Zero;
        for (int i = 0; i < whole; i += Lanes.Count)
        {
            var difference = Vector512.Load(x + i) - means;
            squares = Vector512.MultiplyAddEstimate(difference, difference, squares);
        }

        if (rest > 0)
        {
            var difference = Lanes.LoadPartial(x + whole, rest, mean) - means;
            squares = Vector512.MultiplyAddEstimate(difference, difference, squares);
        }

        var factor = Vector512.Create(1 / MathF.Sqrt((Lanes.Sum(squares) / width) + GptConfig.LayerNormEpsilon));
        for (int i = 0; i < whole; i += Lanes.Count)
        {
            Vector512.MultiplyAddEstimate((Vector512.Load(x + i) - means) * factor, Vector512.Load(scale + i), Vector512.Load(shift + i)).Store(y + i);
        }

        if (rest > 0)
        {
            var normalised = (Lanes.LoadPartial(x + whole, rest, mean) - means) * factor;
            var result = Vector512.MultiplyAddEstimate(
                normalised, Lanes.LoadPartial(scale + whole, rest, 0), Lanes.LoadPartial(shift + whole, rest, 0));
            Lanes.StorePartial(result, y + whole, rest);
        }
    }
}
