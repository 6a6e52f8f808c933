using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch.nn;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// Multi-head attention in which a token attends to itself and the tokens before it. (B, T, C) -> (B, T, C).
/// </summary>
internal sealed class CausalSelfAttention : Module<torch.Tensor, torch.Tensor>, IStepByStep
{
    private readonly int _headCount, _headSize;
    private readonly double _dropoutRate;
    private readonly Scalar _scale, _minusInfinity = float.NegativeInfinity; // fields: see Gelu

    [ComponentName(Name = "W_query")]
    private readonly Linear _query;

    [ComponentName(Name = "W_key")]
    private readonly Linear _key;

    [ComponentName(Name = "W_value")]
    private readonly Linear _value;

    [ComponentName(Name = "out_proj")]
    private readonly Linear _output;

    public CausalSelfAttention(GptConfig config)
        : base(nameof(CausalSelfAttention))
    {
        (_headCount, _headSize, _dropoutRate) = (config.HeadCount, config.HeadSize, config.DropoutRate);
        _scale = Math.Sqrt(config.HeadSize);
        int width = config.EmbeddingWidth;

        // The book's order: it determines which random numbers each matrix gets.
        _query = Linear(width, width, config.HasQkvBias);
        _key = Linear(width, width, config.HasQkvBias);
        _value = Linear(width, width, config.HasQkvBias);
        _output = Linear(width, width);
        RegisterComponents();
    }

    public bool ComputesStepByStep { get; set; }

    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        long batch = input.shape[0], tokens = input.shape[1];

        // The book's order: it determines the order in which the input's three gradients are added.
        var key = Heads(_key.call(input)); // (B, T, C) -> (B, nh, T, hs)
        var query = Heads(_query.call(input));
        var value = Heads(_value.call(input));

        // The fused kernel has no dropout on a CPU; with dropout, the operations and their random numbers are the
        // book's.
        var mixed = ComputesStepByStep || (training && _dropoutRate > 0)
            ? AttendStepByStep(query, key, value)
            : functional.scaled_dot_product_attention(query, key, value, is_casual: true);
        var joined = mixed.transpose(1, 2).reshape(batch, tokens, _headCount * _headSize); // (B, nh, T, hs) -> (B, T, C)
        return _output.call(joined).MoveToOuterDisposeScope();

        torch.Tensor Heads(torch.Tensor projected) => projected.view(batch, tokens, _headCount, _headSize).transpose(1, 2);
    }

    private torch.Tensor AttendStepByStep(torch.Tensor query, torch.Tensor key, torch.Tensor value)
    {
        long tokens = query.shape[2];
        var future = torch.ones(tokens, tokens, torch.ScalarType.Bool, query.device).triu(1);
        var scores = query.matmul(key.transpose(2, 3)).masked_fill_(future, _minusInfinity); // (B, nh, T, T)
        var weights = functional.softmax(scores / _scale, dim: -1);
        return functional.dropout(weights, _dropoutRate, training).matmul(value); // (B, nh, T, T) x (B, nh, T, hs) -> (B, nh, T, hs)
    }
}
