using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>Where <see cref="HeadLoss"/> puts its gradients.</summary>
/// <param name="factor">What each row's loss weighs in the loss that is differentiated.</param>
/// <param name="hidden">Receives the gradient of the hidden rows, (N, C).</param>
/// <param name="weight">The gradient of the head, (V, C), which is added to; <see langword="null"/> where it is not wanted.</param>
/// <param name="panels">Scratch of <see cref="TransposedProduct.PanelsLengthOf"/> for a chunk of hidden rows.</param>
internal sealed unsafe class HeadGradients(float factor, Matrix hidden, float* weight, float* panels)
{
    public float Factor => factor;

    public Matrix Hidden => hidden;

    public float* Weight => weight;

    public float* Panels => panels;
}
