namespace MLNet.Gpt.Training.Engines;

/// <summary>Gradient clipping like PyTorch's <c>clip_grad_norm_</c>, the same in every engine.</summary>
internal static class GradientClipping
{
    private const double Epsilon = 1e-6;

    /// <summary>Returns the factor for all gradients: limit / (norm + 1e-6), and at most 1.</summary>
    public static double Factor(double limit, double norm) => Math.Min(1, limit / (norm + Epsilon));
}
