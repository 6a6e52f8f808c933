using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// Layer normalization over the embedding width, with the book's names for scale and shift. (…, C) -> (…, C).
/// </summary>
internal sealed class LayerNorm : torch.nn.Module<torch.Tensor, torch.Tensor>, IStepByStep
{
    private readonly long[] _shape;
    private readonly double _addend;
    private readonly Scalar _epsilon; // a field: see Gelu

    [ComponentName(Name = "scale")]
    private readonly Parameter _scale;

    [ComponentName(Name = "shift")]
    private readonly Parameter _shift;

    public LayerNorm(GptConfig config)
        : base(nameof(LayerNorm))
    {
        (_shape, _addend) = ([config.EmbeddingWidth], config.NormEpsilon);
        _epsilon = config.NormEpsilon;
        _scale = new Parameter(torch.ones(_shape));
        _shift = new Parameter(torch.zeros(_shape));
        RegisterComponents();
    }

    public bool ComputesStepByStep { get; set; }

    public override torch.Tensor forward(torch.Tensor input)
    {
        if (!ComputesStepByStep) return torch.nn.functional.layer_norm(input, _shape, _scale, _shift, _addend);
        using var scope = torch.NewDisposeScope();
        var mean = input.mean([-1], keepdim: true); // (…, C) -> (…, 1)
        var variance = input.var([-1], unbiased: false, keepdim: true); // (…, C) -> (…, 1)
        var normalized = (input - mean) / torch.sqrt(variance + _epsilon);
        return ((_scale * normalized) + _shift).MoveToOuterDisposeScope();
    }
}
