using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch.nn;

namespace MLNet.Gpt.TorchSharp;

/// <summary>Two linear layers with GELU between them. (B, T, C) -> (B, T, C).</summary>
internal sealed class FeedForward : Module<torch.Tensor, torch.Tensor>
{
    [ComponentName(Name = "layers")]
    private readonly Sequential _layers;

    public FeedForward(GptConfig config)
        : base(nameof(FeedForward))
    {
        _layers = Sequential(
            Linear(config.EmbeddingWidth, config.FeedForwardWidth),
            new Gelu(),
            Linear(config.FeedForwardWidth, config.EmbeddingWidth));
        RegisterComponents();
    }

    public override torch.Tensor forward(torch.Tensor input) => _layers.call(input); // (B, T, C) -> (B, T, 4C) -> (B, T, C)
}
