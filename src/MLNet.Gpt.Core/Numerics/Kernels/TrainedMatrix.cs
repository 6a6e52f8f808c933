using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// The matrix of a linear layer y = x Wᵀ + b, (out, in), as training uses it: whatever of it is trained, and in whatever form
/// the rest is stored.
/// </summary>
internal abstract unsafe class TrainedMatrix : IWeightMatrix
{
    /// <summary>The number of outputs.</summary>
    public abstract int Rows { get; }

    /// <summary>Whether anything of it is trained.</summary>
    public abstract bool IsTrained { get; }

    /// <inheritdoc/>
    public abstract float* Bias { get; }

    /// <summary>The gradient of the weights themselves, dense; <see langword="null"/> if they are not trained.</summary>
    public abstract float* WeightGradient { get; }

    /// <inheritdoc/>
    public abstract void CopyRow(int row, float* destination);

    /// <inheritdoc/>
    public abstract void Multiply<TSink>(Compute compute, Matrix x, byte* quantized, TSink sink)
        where TSink : struct, ISink;

    /// <summary>Computes dx = dy W, (N, outputs) -> (N, in), from the gradients of all outputs or some adjacent ones.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="dy">The gradients of the outputs.</param>
    /// <param name="firstOutput">The output of the first column of <paramref name="dy"/>.</param>
    /// <param name="sink">Receives the sums.</param>
    public abstract void BackwardInput<TSink>(Compute compute, Matrix dy, int firstOutput, TSink sink)
        where TSink : struct, ISink;

    /// <summary>Computes dx from the gradients of all outputs.</summary>
    public void BackwardInput<TSink>(Compute compute, Matrix dy, TSink sink)
        where TSink : struct, ISink => BackwardInput(compute, dy, 0, sink);

    /// <summary>Adds the gradients of whatever is trained.</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="x">The inputs of the last <see cref="Multiply"/>, (N, in).</param>
    /// <param name="dy">The gradients of all outputs, (N, out).</param>
    /// <param name="panels">Scratch of <see cref="BlockedProduct.PanelsLengthOf"/> for x.</param>
    public abstract void BackwardParameters(Compute compute, Matrix x, Matrix dy, float* panels);
}
