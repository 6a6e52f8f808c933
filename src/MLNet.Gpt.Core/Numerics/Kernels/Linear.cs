using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>A linear layer y = x Wᵀ + b with W (out, in), and its gradients dx = dy W, dW += dyᵀ x, db += Σ over rows of dy.</summary>
internal static unsafe class Linear
{
    /// <summary>(N, in) -> (N, out).</summary>
    public static void Forward(Compute compute, Matrix x, Matrix weight, float* bias, Matrix y) =>
        PanelProduct.Run(compute, x, new TransposedPanels(weight), new StoreSink(y, bias));

    /// <summary>(N, in) -> (N, out), both before and after GELU.</summary>
    public static void ForwardGelu(Compute compute, Matrix x, Matrix weight, float* bias, Matrix u, Matrix y) =>
        PanelProduct.Run(compute, x, new TransposedPanels(weight), new GeluSink(u, y, bias));

    /// <summary>The gradient of the inputs, (N, out) -> (N, in).</summary>
    public static void BackwardInput(Compute compute, Matrix dy, Matrix weight, Matrix dx) =>
        PanelProduct.Run(compute, dy, new MatrixPanels(weight), new StoreSink(dx));

    /// <summary>The gradient of what went into GELU before this layer, (N, out) -> (N, in).</summary>
    public static void BackwardInputGelu(Compute compute, Matrix dy, Matrix weight, Matrix u, Matrix du) =>
        PanelProduct.Run(compute, dy, new MatrixPanels(weight), new GeluGradientSink(u, du));

    /// <summary>Adds the gradients of weight and bias; those that are not wanted are <see langword="null"/>.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="x">The layer's inputs, (N, in).</param>
    /// <param name="dy">The outputs' gradients, (N, out).</param>
    /// <param name="weightGradient">(out, in), dense.</param>
    /// <param name="biasGradient">(out).</param>
    /// <param name="panels">Scratch of <see cref="TransposedProduct.PanelsLengthOf"/> for x.</param>
    public static void BackwardParameters(Compute compute, Matrix x, Matrix dy, float* weightGradient, float* biasGradient, float* panels)
    {
        if (biasGradient is not null) ColumnSums.Add(compute, dy, biasGradient);
        if (weightGradient is null) return;
        TransposedProduct.PackPanels(compute, x, panels);
        TransposedProduct.Run(compute, dy, panels, new(weightGradient, dy.Columns, x.Columns, x.Columns));
    }
}
