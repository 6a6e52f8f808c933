using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>What the forward and the backward pass of one head have in common: layouts and softmax.</summary>
internal static unsafe class AttentionHead
{
    /// <summary>Lays rows (T, hs) out as panels [hs][keys], so that products with them are scores.</summary>
    public static void PackPanels(KernelSet kernels, Matrix rows, float* panels)
    {
        int width = kernels.PanelWidth;
        var source = new TransposedPanels(rows);
        for (int key = 0; key < rows.Rows; key += width, panels += rows.Columns * width) source.Pack(key, width, panels);
    }

    /// <summary>Copies rows (T, hs) side by side, filled up with zeros to the stride.</summary>
    public static void CopyRows(Matrix rows, float* destination, int stride)
    {
        for (int row = 0; row < rows.Rows; row++, destination += stride)
        {
            Row.Copy(rows.Row(row), destination, rows.Columns);
            Row.Clear(destination + rows.Columns, stride - rows.Columns);
        }
    }

    /// <summary>The products of 8 rows with the panels of the first keys.</summary>
    public static void Multiply(KernelSet kernels, Matrix rows, float* panels, int keys, float* scores, int stride)
    {
        int width = kernels.PanelWidth, depth = rows.Columns;
        for (int key = 0; key < keys; key += width) kernels.MultiplyTile(depth, rows.Data, rows.Stride, panels + (key * depth), scores + key, stride, accumulate: false);
    }

    /// <summary>Replaces scores by their softmax.</summary>
    /// <returns>ln Σ e^(scale × score).</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Softmax(float* scores, int count, float scale)
    {
        var maxima = Vector512.Create(float.NegativeInfinity);
        for (int i = 0; i < count; i += Lanes.Count) maxima = Vector512.Max(maxima, Row.Load(scores, i, count, float.NegativeInfinity));
        float maximum = Lanes.Max(maxima) * scale;

        Vector512<float> factor = Vector512.Create(scale), shift = Vector512.Create(maximum), sums = default;
        for (int i = 0; i < count; i += Lanes.Count)
        {
            var weight = Exponential.Of((Row.Load(scores, i, count, float.NegativeInfinity) * factor) - shift);
            Row.Store(weight, scores, i, count);
            sums += weight;
        }

        float sum = Lanes.Sum(sums);
        Elementwise.Scale(scores, 1 / sum, scores, count);
        return maximum + MathF.Log(sum);
    }

    /// <summary>Replaces scores by their softmax, whose logarithm of the sum is known.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SoftmaxAgain(float* scores, int count, float scale, float logSumExp)
    {
        Vector512<float> factor = Vector512.Create(scale), shift = Vector512.Create(logSumExp);
        for (int i = 0; i < count; i += Lanes.Count) Row.Store(Exponential.Of((Row.Load(scores, i, count) * factor) - shift), scores, i, count);
    }
}
