using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>The gradients of a linear layer y = x Wᵀ + b with W (out, in): dx = dy W, dW += dyᵀ x, db += Σ over rows of dy.</summary>
internal static unsafe class Linear
{
    private const int ColumnsPerChunk = 64;

    /// <summary>Computes the gradient of the inputs, (N, out) -> (N, in).</summary>
    public static void BackwardInput<TSink>(Compute compute, Matrix dy, Matrix weight, TSink sink)
        where TSink : struct, ISink => BlockedProduct.Run(compute, dy, new MatrixPanels(weight, compute.Kernels), sink);

    /// <summary>Adds the gradients of weight and bias; those that are not needed are <see langword="null"/>.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="x">The layer's inputs, (N, in).</param>
    /// <param name="dy">The outputs' gradients, (N, out).</param>
    /// <param name="weightGradient">(out, in), dense.</param>
    /// <param name="biasGradient">(out).</param>
    /// <param name="panels">Scratch of <see cref="BlockedProduct.PanelsLengthOf"/> for x.</param>
    public static void BackwardParameters(Compute compute, Matrix x, Matrix dy, float* weightGradient, float* biasGradient, float* panels)
    {
        if (weightGradient is not null)
        {
            BlockedProduct.PackPanels(compute, x, panels);
            BlockedProduct.AddTransposed(compute, dy, panels, new(weightGradient, dy.Columns, x.Columns, x.Columns), biasGradient);
        }
        else if (biasGradient is not null)
        {
            AddColumnSums(compute, dy, biasGradient);
        }
    }

    /// <summary>sums += Σ over rows, each column over the rows in order.</summary>
    public static void AddColumnSums(Compute compute, Matrix rows, float* sums) =>
        compute.ForEach((rows.Columns + ColumnsPerChunk - 1) / ColumnsPerChunk, chunk =>
        {
            int column = chunk * ColumnsPerChunk, end = Math.Min(rows.Columns, column + ColumnsPerChunk);
            for (; column < end; column += Lanes.Count) AddSums(
                rows.SliceColumns(column, Math.Min(Lanes.Count, end - column)), sums + column);
        });

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddSums(Matrix rows, float* sums)
    {
        var sum = Vector512<float>.Zero;
        for (int row = 0; row < rows.Rows; row++) sum += Row.Load(rows.Row(row), 0, rows.Columns);
        Row.Store(Row.Load(sums, 0, rows.Columns) + sum, sums, 0, rows.Columns);
    }
}
