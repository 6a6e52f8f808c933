using TorchSharp;
using static TorchSharp.torch.nn;

namespace MLNet.Gpt.TorchSharp;

/// <summary>GELU in its tanh approximation. Any shape, element by element.</summary>
/// <remarks>Source: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).</remarks>
internal sealed class Gelu() : Module<torch.Tensor, torch.Tensor>(nameof(Gelu)), IStepByStep
{
    // A field, like every scalar that is passed to libtorch: one that is created for a single call may be collected
    // during the call.
    private readonly Scalar _half = 0.5, _one = 1, _three = 3, _cubic = 0.044715, _rootOfTwoOverPi = MathF.Sqrt((float)(2 / Math.PI));

    public bool ComputesStepByStep { get; set; }

    public override torch.Tensor forward(torch.Tensor input)
    {
        if (!ComputesStepByStep) return functional.gelu(input, global::TorchSharp.Modules.GELU.Approximate.tanh);
        using var scope = torch.NewDisposeScope();
        var inner = _rootOfTwoOverPi * (input + (_cubic * torch.pow(input, _three)));
        return (_half * input * (_one + torch.tanh(inner))).MoveToOuterDisposeScope();
    }
}
