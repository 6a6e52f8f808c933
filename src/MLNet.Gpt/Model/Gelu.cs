using TorchSharp;
using static TorchSharp.torch.nn;

namespace MLNet.Gpt.Model;

/// <summary>GELU by its approximation with tanh. Any shape, element by element.</summary>
/// <remarks>Source: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).</remarks>
internal sealed class Gelu() : Module<torch.Tensor, torch.Tensor>(nameof(Gelu)), IStepByStep
{
    private static readonly float RootOfTwoOverPi = MathF.Sqrt((float)(2 / Math.PI));

    public bool ComputesStepByStep { get; set; }

    public override torch.Tensor forward(torch.Tensor input)
    {
        if (!ComputesStepByStep) return functional.gelu(input, TorchSharp.Modules.GELU.Approximate.tanh);
        using var scope = torch.NewDisposeScope();
        return (0.5 * input * (1 + torch.tanh(RootOfTwoOverPi * (input + (0.044715 * torch.pow(input, 3)))))).MoveToOuterDisposeScope();
    }
}
