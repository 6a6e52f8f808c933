using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// Layer normalization y = x̂ × scale + shift with x̂ = (x − mean) r and r = 1 / √(variance + ε), and its gradients.
/// The variance is the biased one: the sum over the row is divided by the row's length.
/// </summary>
/// <remarks>
/// With g = dy × scale: dx = r (g − mean(g) − x̂ mean(g x̂)), dscale = Σ over rows of dy x̂, dshift = Σ over rows of
/// dy. Source: Ba, Kiros and Hinton, "Layer Normalization" (2016). The forward pass keeps only mean and r; x̂ is
/// recomputed.
/// </remarks>
internal static unsafe class LayerNorm
{
    // Rows whose contributions to dscale and dshift one thread adds up; fixed, so that the sums have a fixed order.
    private const int RowsPerPart = 32;

    /// <summary>Returns the size of the scratch that <see cref="Backward"/> needs.</summary>
    public static long PartsLengthOf(int rows, int width) => 2L * width * ((rows + RowsPerPart - 1) / RowsPerPart);

    /// <summary>Normalizes one row; the output may be the input.</summary>
    public static void Apply(float* x, float* scale, float* shift, int width, float* y)
    {
        float* statistics = stackalloc float[2];
        Measure(x, width, statistics);
        Normalize(x, statistics, scale, shift, y, width);
    }

    /// <summary>(N, C) -> (N, C).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="scale">(C).</param>
    /// <param name="shift">(C).</param>
    /// <param name="y">The outputs.</param>
    /// <param name="statistics">Receives mean and r of each row for the backward pass; <see langword="null"/> if there is none.</param>
    public static void Forward(
        Compute compute, Matrix x, float* scale, float* shift, Matrix y, float* statistics) => compute.ForEachRow(x.Rows, row =>
    {
        if (statistics is null)
        {
            Apply(x.Row(row), scale, shift, x.Columns, y.Row(row));
            return;
        }

        Measure(x.Row(row), x.Columns, statistics + (2 * row));
        Normalize(x.Row(row), statistics + (2 * row), scale, shift, y.Row(row), x.Columns);
    });

    /// <summary>Recomputes the outputs from inputs and statistics.</summary>
    public static void Recompute(Compute compute, Matrix x, float* scale, float* shift, Matrix y, float* statistics) =>
        compute.ForEachRow(x.Rows, row => Normalize(x.Row(row), statistics + (2 * row), scale, shift, y.Row(row), x.Columns));

    /// <summary>Adds the gradients; those of scale and shift only if they are not <see langword="null"/>.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="x">The inputs, (N, C).</param>
    /// <param name="statistics">Mean and r of each row.</param>
    /// <param name="scale">(C).</param>
    /// <param name="dy">The outputs' gradients, (N, C).</param>
    /// <param name="dx">The inputs' gradients, (N, C); is added to.</param>
    /// <param name="scaleGradient">(C); is added to.</param>
    /// <param name="shiftGradient">(C); is added to.</param>
    /// <param name="parts">Scratch of <see cref="PartsLengthOf"/>.</param>
    public static void Backward(
        Compute compute, Matrix x, float* statistics, float* scale, Matrix dy, Matrix dx, float* scaleGradient, float* shiftGradient,
        float* parts)
    {
        int width = x.Columns, partCount = (x.Rows + RowsPerPart - 1) / RowsPerPart;
        compute.ForEach(partCount, part =>
        {
            float* scalePart = parts + (2L * part * width);
            float* shiftPart = scalePart + width;
            Row.Clear(scalePart, 2 * width);
            int end = Math.Min(x.Rows, (part + 1) * RowsPerPart);
            for (int row = part * RowsPerPart; row < end; row++)
            {
                BackwardRow(x.Row(row), statistics + (2 * row), scale, dy.Row(row), dx.Row(row), scalePart, shiftPart, width);
            }
        });
        if (scaleGradient is not null) Linear.AddColumnSums(compute, new(parts, partCount, width, 2 * width), scaleGradient);
        if (shiftGradient is not null) Linear.AddColumnSums(compute, new(parts + width, partCount, width, 2 * width), shiftGradient);
    }

    private static void Measure(float* x, int width, float* statistics)
    {
        float mean = Lanes.Sum(Row.Fold(default(Sum), Vector512<float>.Zero, x, width)) / width;
        var squares = Row.Fold(new SumOfSquares(mean), Vector512<float>.Zero, x, width, filler: mean);
        statistics[0] = mean;
        statistics[1] = 1 / MathF.Sqrt((Lanes.Sum(squares) / width) + GptConfig.LayerNormEpsilon);
    }

    private static void Normalize(float* x, float* statistics, float* scale, float* shift, float* y, int width) =>
        Row.Map(new Normalization(statistics), x, scale, shift, y, width);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BackwardRow(
        float* x, float* statistics, float* scale, float* dy, float* dx, float* scaleGradient, float* shiftGradient, int width)
    {
        Vector512<float> mean = Vector512.Create(statistics[0]), factor = Vector512.Create(statistics[1]);
        Vector512<float> sum = default, sumWithInput = default;
        for (int i = 0; i < width; i += Lanes.Count)
        {
            var normalized = (Row.Load(x, i, width) - mean) * factor;
            var gradient = Row.Load(dy, i, width);
            var scaled = gradient * Row.Load(scale, i, width);
            sum += scaled;
            sumWithInput = Vector512.MultiplyAddEstimate(scaled, normalized, sumWithInput);
            Row.Store(Vector512.MultiplyAddEstimate(gradient, normalized, Row.Load(scaleGradient, i, width)), scaleGradient, i, width);
            Row.Store(gradient + Row.Load(shiftGradient, i, width), shiftGradient, i, width);
        }

        var meanGradient = Vector512.Create(Lanes.Sum(sum) / width);
        var meanWithInput = Vector512.Create(Lanes.Sum(sumWithInput) / width);
        for (int i = 0; i < width; i += Lanes.Count)
        {
            var normalized = (Row.Load(x, i, width) - mean) * factor;
            var centered = (Row.Load(dy, i, width) * Row.Load(scale, i, width)) - meanGradient - (normalized * meanWithInput);
            Row.Store(Vector512.MultiplyAddEstimate(centered, factor, Row.Load(dx, i, width)), dx, i, width);
        }
    }

    private readonly struct Sum : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> sum, Vector512<float> x) => sum + x;
    }

    private readonly struct SumOfSquares(float mean) : IMap2
    {
        private readonly float _mean = mean;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> sum, Vector512<float> x)
        {
            var difference = x - Vector512.Create(_mean);
            return Vector512.MultiplyAddEstimate(difference, difference, sum);
        }
    }

    private readonly struct Normalization(float* statistics) : IMap3
    {
        private readonly float _mean = statistics[0], _factor = statistics[1];

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x, Vector512<float> scale, Vector512<float> shift) =>
            Vector512.MultiplyAddEstimate((x - Vector512.Create(_mean)) * Vector512.Create(_factor), scale, shift);
    }
}
