using MLNet.Gpt.Configuration;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;

namespace MLNet.Gpt.Model;

/// <summary>Layer normalisation over the embedding width, with the book's names of scale and shift. (…, C) -> (…, C).</summary>
internal sealed class LayerNorm : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly long[] _shape;

    [ComponentName(Name = "scale")]
    private readonly Parameter _scale;

    [ComponentName(Name = "shift")]
    private readonly Parameter _shift;

    public LayerNorm(GptConfig config)
        : base(nameof(LayerNorm))
    {
        _shape = [config.EmbeddingWidth];
        _scale = new Parameter(torch.ones(_shape));
        _shift = new Parameter(torch.zeros(_shape));
        RegisterComponents();
    }

    public override torch.Tensor forward(torch.Tensor input) =>
        torch.nn.functional.layer_norm(input, _shape, _scale, _shift, GptConfig.LayerNormEpsilon);
}
