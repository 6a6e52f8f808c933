using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// Normalization of rows, y = x̂ × scale + shift, and its gradients. In a layer norm, x̂ = (x − mean) r with r = 1 / √(variance
/// + ε), and the variance is the biased one: the sum over the row is divided by the row's length. In an RMS norm, the mean is
/// taken to be 0, so that the variance becomes the mean square.
/// </summary>
/// <remarks>
/// With g = dy × scale: dx = r (g − mean(g) − x̂ mean(g x̂)), where an RMS norm lacks mean(g); dscale = Σ over rows of dy x̂,
/// dshift = Σ over rows of dy. Sources: Ba, Kiros and Hinton, "Layer Normalization" (2016); Zhang and Sennrich, "Root
/// Mean Square Layer Normalization" (2019). The forward pass keeps only mean and r; x̂ is recomputed.
/// </remarks>
/// <param name="isCentered">Whether the mean is subtracted.</param>
/// <param name="epsilon">ε.</param>
/// <param name="scale">(C).</param>
/// <param name="shift">(C); <see langword="null"/> if there is none.</param>
internal readonly unsafe struct Norm(bool isCentered, float epsilon, float* scale, float* shift)
{
    // Rows whose contributions to dscale and dshift one thread adds up; fixed, so that the sums have a fixed order.
    private const int RowsPerPart = 32;

    /// <summary>Returns the number of parts in which the gradients of scale and shift are summed.</summary>
    public static int PartCountOf(int rows) => (rows + RowsPerPart - 1) / RowsPerPart;

    /// <summary>Returns the size of the scratch that <see cref="Backward"/> needs.</summary>
    public static long PartsLengthOf(int rows, int width) => 2L * width * PartCountOf(rows);

    /// <summary>Returns the rows of a part, first and end.</summary>
    public static (int First, int End) RowsOf(int part, int rows) => (part * RowsPerPart, Math.Min(rows, (part + 1) * RowsPerPart));

    /// <summary>Normalizes one row; the output may be the input.</summary>
    /// <param name="x">The row.</param>
    /// <param name="width">Numbers of the row.</param>
    /// <param name="y">Receives them.</param>
    /// <param name="statistics">Receives mean and r for the backward pass; <see langword="null"/> if there is none.</param>
    public void Apply(float* x, int width, float* y, float* statistics = null)
    {
        float* own = stackalloc float[2];
        if (statistics is null) statistics = own;
        Measure(x, width, statistics);
        Normalize(x, statistics, y, width);
    }

    /// <summary>(N, C) -> (N, C); the output may be the input.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="y">The outputs.</param>
    /// <param name="statistics">Receives mean and r of each row for the backward pass; <see langword="null"/> if there is none.</param>
    public void Forward(Compute compute, Matrix x, Matrix y, float* statistics)
    {
        var norm = this;
        compute.ForEachRow(
            x.Rows, row => norm.Apply(x.Row(row), x.Columns, y.Row(row), statistics is null ? null : statistics + (2 * row)));
    }

    /// <summary>Recomputes the outputs from inputs and statistics.</summary>
    public void Recompute(Compute compute, Matrix x, Matrix y, float* statistics)
    {
        var norm = this;
        compute.ForEachRow(x.Rows, row => norm.Normalize(x.Row(row), statistics + (2 * row), y.Row(row), x.Columns));
    }

    /// <summary>Adds the gradients; those of scale and shift only if they are not <see langword="null"/>.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="x">The inputs, (N, C).</param>
    /// <param name="statistics">Mean and r of each row.</param>
    /// <param name="dy">The outputs' gradients, (N, C).</param>
    /// <param name="dx">The inputs' gradients, (N, C); is added to.</param>
    /// <param name="scaleGradient">(C); is added to.</param>
    /// <param name="shiftGradient">(C); is added to.</param>
    /// <param name="parts">Scratch of <see cref="PartsLengthOf"/>.</param>
    public void Backward(
        Compute compute, Matrix x, float* statistics, Matrix dy, Matrix dx, float* scaleGradient, float* shiftGradient, float* parts)
    {
        var norm = this;
        int width = x.Columns, partCount = PartCountOf(x.Rows);
        compute.ForEach(partCount, part =>
        {
            float* scalePart = parts + (2L * part * width);
            float* shiftPart = scalePart + width;
            Row.Clear(scalePart, 2 * width);
            var (first, end) = RowsOf(part, x.Rows);
            for (int row = first; row < end; row++)
            {
                norm.BackwardRow(x.Row(row), statistics + (2 * row), dy.Row(row), dx.Row(row), scalePart, shiftPart, width);
            }
        });
        if (scaleGradient is not null) Linear.AddColumnSums(compute, new(parts, partCount, width, 2 * width), scaleGradient);
        if (shiftGradient is not null) Linear.AddColumnSums(compute, new(parts + width, partCount, width, 2 * width), shiftGradient);
    }

    /// <summary>Computes mean and r of a row.</summary>
    public void Measure(float* x, int width, float* statistics)
    {
        float mean = isCentered ? Lanes.Sum(Row.Fold(default(Sum), Vector512<float>.Zero, x, width)) / width : 0;
        var squares = Row.Fold(new SumOfSquares(mean), Vector512<float>.Zero, x, width, filler: mean);
        statistics[0] = mean;
        statistics[1] = 1 / MathF.Sqrt((Lanes.Sum(squares) / width) + epsilon);
    }

    /// <summary>Adds the gradients of one row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void BackwardRow(
        float* x, float* statistics, float* dy, float* dx, float* scaleGradient, float* shiftGradient, int width)
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

        var meanGradient = isCentered ? Vector512.Create(Lanes.Sum(sum) / width) : Vector512<float>.Zero;
        var meanWithInput = Vector512.Create(Lanes.Sum(sumWithInput) / width);
        for (int i = 0; i < width; i += Lanes.Count)
        {
            var normalized = (Row.Load(x, i, width) - mean) * factor;
            var centered = (Row.Load(dy, i, width) * Row.Load(scale, i, width)) - meanGradient - (normalized * meanWithInput);
            Row.Store(Vector512.MultiplyAddEstimate(centered, factor, Row.Load(dx, i, width)), dx, i, width);
        }
    }

    private void Normalize(float* x, float* statistics, float* y, int width)
    {
        if (shift is null) Row.Map(new Scaling(statistics), x, scale, y, width);
        else Row.Map(new Normalization(statistics), x, scale, shift, y, width);
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

    private readonly struct Scaling(float* statistics) : IMap2
    {
        private readonly float _mean = statistics[0], _factor = statistics[1];

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x, Vector512<float> scale) =>
            (x - Vector512.Create(_mean)) * Vector512.Create(_factor) * scale;
    }
}
