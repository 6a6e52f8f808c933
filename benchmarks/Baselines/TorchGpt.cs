using TorchSharp;
using static TorchSharp.torch.nn.functional;

namespace MLNet.Gpt.Benchmarks.Baselines;

/// <summary>
/// The baseline: GPT-2 written in TorchSharp like the lecture's PyTorch code, tuned only as its user would tune it: no
/// gradients, and libtorch's own threads.
/// </summary>
internal class TorchGpt : IDisposable
{
    private readonly GptConfig _config;
    private readonly Dictionary<string, torch.Tensor> _weights;

    public TorchGpt(IWeightSource source, torch.ScalarType type = torch.ScalarType.Float32)
    {
        _config = source.Config;
        _weights = WeightNames.For(_config).ToDictionary(entry => entry.Name, entry => Read(source, entry, type));
    }

    /// <summary>Ids (B, T) -> logits (B, T, V), computed from scratch.</summary>
    public torch.Tensor Forward(torch.Tensor ids)
    {
        using var scope = torch.NewDisposeScope();
        var x = Embed(ids, 0);
        for (int layer = 0; layer < _config.LayerCount; layer++) x = Block(x, layer, null);
        return Head(x).MoveToOuterDisposeScope();
    }

    /// <summary>New ids (1, T) after those in the cache -> logits of the last (1, V); the cache grows.</summary>
    public torch.Tensor Step(torch.Tensor ids, TorchKvCache cache)
    {
        using var scope = torch.NewDisposeScope();
        var x = Embed(ids, cache.Length);
        for (int layer = 0; layer < _config.LayerCount; layer++) x = Block(x, layer, cache);
        cache.Length += ids.shape[1];
        return Head(x[.., ^1..]).squeeze(1).MoveToOuterDisposeScope(); // (1, 1, C) -> (1, V)
    }

    /// <summary>Mean cross-entropy of ids (B, T) against targets (B, T), with all logits in memory.</summary>
    public double Loss(torch.Tensor ids, torch.Tensor targets)
    {
        using var scope = torch.NewDisposeScope();
        return cross_entropy(Forward(ids).flatten(0, 1).to(torch.ScalarType.Float32), targets.flatten()).ToDouble();
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Inputs (…, in) -> outputs (…, out) of a linear layer of a block.</summary>
    protected virtual torch.Tensor Linear(torch.Tensor x, string weight, string? bias) =>
        linear(x, this[weight], bias is null ? null : this[bias]);

    protected virtual void Dispose(bool disposing)
    {
        foreach (var weight in _weights.Values) weight.Dispose();
    }

    private static torch.Tensor Read(IWeightSource source, WeightEntry entry, torch.ScalarType type)
    {
        using var scope = torch.NewDisposeScope();
        float[] elements = new float[entry.ElementCount];
        source.Read(entry.Name, 0, elements);
        return torch.tensor(elements, [.. entry.Shape.Select(size => (long)size)]).to(type).DetachFromDisposeScope();
    }

    private torch.Tensor Embed(torch.Tensor ids, long start) =>
        this[WeightNames.TokenEmbedding].index_select(0, ids.flatten())
            .view(ids.shape[0], ids.shape[1], _config.EmbeddingWidth) // (B, T, C)
        + this[WeightNames.PositionEmbedding].narrow(0, start, ids.shape[1]); // (T, C)

    private torch.Tensor Block(torch.Tensor x, int layer, TorchKvCache? cache)
    {
        var normed = Norm(x, WeightNames.AttentionNormScale(layer), WeightNames.AttentionNormShift(layer));
        x = x + Attention(normed, layer, cache);
        normed = Norm(x, WeightNames.FeedForwardNormScale(layer), WeightNames.FeedForwardNormShift(layer));
        var hidden = Linear(normed, WeightNames.FeedForwardIn(layer), WeightNames.FeedForwardInBias(layer)); // (B, T, 4 C)
        hidden = 0.5 * hidden * (1 + torch.tanh(Math.Sqrt(2 / Math.PI) * (hidden + 0.044715 * hidden.pow(3))));
        return x + Linear(hidden, WeightNames.FeedForwardOut(layer), WeightNames.FeedForwardOutBias(layer));
    }

    private torch.Tensor Attention(torch.Tensor x, int layer, TorchKvCache? cache)
    {
        long batch = x.shape[0], tokens = x.shape[1];
        var query = Heads(x, WeightNames.Query(layer), WeightNames.QueryBias(layer)); // (B, nh, T, hs)
        var key = Heads(x, WeightNames.Key(layer), WeightNames.KeyBias(layer));
        var value = Heads(x, WeightNames.Value(layer), WeightNames.ValueBias(layer));
        if (cache is not null) (key, value) = cache.Append(layer, key, value); // (B, nh, S, hs), S tokens in all

        var scores = torch.matmul(query, key.transpose(2, 3)) / Math.Sqrt(_config.HeadSize); // (B, nh, T, S)
        if (tokens > 1)
        {
            long all = key.shape[2];
            var mask = torch.ones(tokens, all, dtype: torch.@bool).triu(1 + all - tokens); // true for the future
            scores = scores.masked_fill(mask, double.NegativeInfinity);
        }

        var context = torch.matmul(softmax(scores, -1), value).transpose(1, 2).reshape(batch, tokens, _config.EmbeddingWidth);
        return Linear(context, WeightNames.AttentionOutput(layer), WeightNames.AttentionOutputBias(layer));
    }

    private torch.Tensor Heads(torch.Tensor x, string weight, string bias) =>
        Linear(x, weight, _config.HasQkvBias ? bias : null)
            .view(x.shape[0], x.shape[1], _config.HeadCount, _config.HeadSize)
            .transpose(1, 2); // (B, T, C) -> (B, nh, T, hs)

    private torch.Tensor Norm(torch.Tensor x, string scale, string shift) =>
        layer_norm(x, [_config.EmbeddingWidth], this[scale], this[shift], 1e-5);

    private torch.Tensor Head(torch.Tensor x) =>
        linear(
            Norm(x, WeightNames.FinalNormScale, WeightNames.FinalNormShift),
            this[_config.HasTiedHead ? WeightNames.TokenEmbedding : WeightNames.Head]); // (B, T, C) -> (B, T, V)

    private torch.Tensor this[string name] => _weights[name];
}
