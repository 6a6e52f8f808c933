using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch.nn;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// One layer of the network: attention and feed-forward, each preceded by a layer norm and added to its input.
/// (B, T, C) -> (B, T, C).
/// </summary>
internal sealed class TransformerBlock : Module<torch.Tensor, torch.Tensor>
{
    [ComponentName(Name = "att")]
    private readonly CausalSelfAttention _attention;

    [ComponentName(Name = "ff")]
    private readonly FeedForward _feedForward;

    [ComponentName(Name = "norm1")]
    private readonly LayerNorm _attentionNorm;

    [ComponentName(Name = "norm2")]
    private readonly LayerNorm _feedForwardNorm;

    [ComponentName(Name = "drop_shortcut")]
    private readonly global::TorchSharp.Modules.Dropout _dropout;

    public TransformerBlock(GptConfig config)
        : base(nameof(TransformerBlock))
    {
        _attention = new CausalSelfAttention(config);
        _feedForward = new FeedForward(config);
        _attentionNorm = new LayerNorm(config);
        _feedForwardNorm = new LayerNorm(config);
        _dropout = Dropout(config.DropoutRate);
        RegisterComponents();
    }

    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        var attended = input + _dropout.call(_attention.call(_attentionNorm.call(input)));
        return (attended + _dropout.call(_feedForward.call(_feedForwardNorm.call(attended)))).MoveToOuterDisposeScope();
    }
}
