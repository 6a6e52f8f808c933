using static TorchSharp.torch;

namespace MLNet.Gpt.Tests.Decoders;

/// <summary>
/// Runs a <see cref="DecoderDescription"/> on TorchSharp in double precision; an oracle that is written from the papers,
/// with every sum spelled out.
/// </summary>
/// <remarks>
/// Sources: Touvron et al. 2023 (Llama), Zhang and Sennrich 2019 (RMSNorm), Su et al. 2021 (rotary positions), Shazeer 2020
/// (SwiGLU and GeGLU), Ainslie et al. 2023 (grouped queries), Jiang et al. 2023 (Mistral's window), Grattafiori et al. 2024
/// (Llama 3), Yang et al. 2024 and 2025 (Qwen2 and Qwen3), Gemma Team 2024 and 2025 (Gemma 2 and 3), Radford et al. 2019 (GPT-2).
/// </remarks>
internal sealed class TorchDecoder : IDisposable
{
    private readonly DecoderDescription _description;
    private readonly Dictionary<string, Tensor> _weights;
    private readonly List<(string Layer, int FirstOutput, double Scale, Tensor A, Tensor B)> _adapters = [];

    public TorchDecoder(DecoderDescription description, IReadOnlyDictionary<string, NamedTensor> weights)
    {
        _description = description;
        _weights = description.Tensors().ToDictionary(each => each.Name, each => Parameter(weights[each.Name]));
    }

    /// <summary>
    /// Rounds what enters the layer with a name, such as to bytes; adapters get it unrounded, and gradients pass through unchanged.
    /// </summary>
    public Func<string, Tensor, Tensor>? Rounding { get; init; }

    public void Dispose()
    {
        foreach (var weight in _weights.Values) weight.Dispose();
        foreach (var (_, _, _, a, b) in _adapters)
        {
            a.Dispose();
            b.Dispose();
        }
    }

    /// <summary>
    /// Adds s (x Aᵀ) Bᵀ to some outputs of a linear layer, with A (r, in) and B (outputs, r). The weights themselves need no
    /// gradients any more.
    /// </summary>
    public void Adapt(string layer, int firstOutput, double scale, NamedTensor a, NamedTensor b)
    {
        foreach (var weight in _weights.Values) weight.requires_grad = false;
        _adapters.Add((layer, firstOutput, scale, Parameter(a), Parameter(b)));
    }

    /// <summary>Returns the mean cross-entropy, and the gradients of A and B of each adapter.</summary>
    public (double Loss, List<(double[] A, double[] B)> Gradients) BackwardAdapters(int[] inputs, int[] targets, int sequenceCount)
    {
        using var scope = NewDisposeScope();
        var loss = Loss(inputs, targets, sequenceCount);
        loss.backward();
        return (loss.item<double>(), [.. _adapters.Select(each => (
            each.A.grad!.flatten().data<double>().ToArray(), each.B.grad!.flatten().data<double>().ToArray()))]);
    }

    /// <summary>Returns the logits after each token, row by row.</summary>
    public double[] Logits(int[] ids)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        return Forward(tensor(ids, ScalarType.Int64).unsqueeze(0)).flatten().data<double>().ToArray();
    }

    /// <summary>Returns the mean cross-entropy of sequences of the same length, and the gradient of each weight.</summary>
    public (double Loss, Dictionary<string, double[]> Gradients) Backward(int[] inputs, int[] targets, int sequenceCount)
    {
        using var scope = NewDisposeScope();
        foreach (var weight in _weights.Values) weight.grad = null;
        var loss = Loss(inputs, targets, sequenceCount);
        loss.backward();
        return (loss.item<double>(), _weights.ToDictionary(
            each => each.Key, each => each.Value.grad!.flatten().data<double>().ToArray()));
    }

    private Tensor Loss(int[] inputs, int[] targets, int sequenceCount)
    {
        var logits = Forward(tensor(inputs, ScalarType.Int64).view(sequenceCount, -1));
        var ids = tensor(targets, ScalarType.Int64).view(sequenceCount, -1, 1);
        return (logits.logsumexp(-1) - logits.gather(-1, ids).squeeze(-1)).mean();
    }

    private Tensor Forward(Tensor ids) => _description.IsNanoGpt ? NanoGpt(ids) : Llama(ids);

    private Tensor Llama(Tensor ids)
    {
        var embedding = _weights["model.embed_tokens.weight"];
        var x = embedding[ids];
        if (_description.IsGemma) x = x * Number(Math.Sqrt(_description.Width));
        for (int layer = 0; layer < _description.LayerCount; layer++)
        {
            string block = $"model.layers.{layer}.";
            var attended = Attention(RmsNorm(x, $"{block}input_layernorm.weight"), layer);
            if (_description.IsGemma)
            {
                x = x + RmsNorm(attended, $"{block}post_attention_layernorm.weight");
                var gated = GatedFeedForward(RmsNorm(x, $"{block}pre_feedforward_layernorm.weight"), $"{block}mlp.");
                x = x + RmsNorm(gated, $"{block}post_feedforward_layernorm.weight");
            }
            else
            {
                x = x + attended;
                x = x + GatedFeedForward(RmsNorm(x, $"{block}post_attention_layernorm.weight"), $"{block}mlp.");
            }
        }

        var last = RmsNorm(x, "model.norm.weight");
        return Capped(_description.HasTiedHead ? matmul(last, embedding.t()) : Linear(last, "lm_head"), _description.LogitCap);
    }

    private Tensor NanoGpt(Tensor ids)
    {
        var embedding = _weights["transformer.wte.weight"];
        var x = embedding[ids] + _weights["transformer.wpe.weight"][..(int)ids.shape[1]];
        for (int layer = 0; layer < _description.LayerCount; layer++)
        {
            string block = $"transformer.h.{layer}.";
            var parts = Linear(LayerNorm(x, $"{block}ln_1.weight"), $"{block}attn.c_attn").chunk(3, -1);
            x = x + Linear(Attend(Heads(parts[0]), Heads(parts[1]), Heads(parts[2]), layer), $"{block}attn.c_proj");
            var inner = Linear(LayerNorm(x, $"{block}ln_2.weight"), $"{block}mlp.c_fc");
            x = x + Linear(Number(0.5) * inner * (Number(1) + erf(inner / Number(Math.Sqrt(2)))), $"{block}mlp.c_proj");
        }

        return matmul(LayerNorm(x, "transformer.ln_f.weight"), embedding.t());
    }

    private Tensor Attention(Tensor x, int layer)
    {
        string name = $"model.layers.{layer}.self_attn.";
        Tensor queries = Heads(Linear(x, $"{name}q_proj")), keys = Heads(Linear(x, $"{name}k_proj"));
        if (_description.HasQueryKeyNorm)
        {
            queries = RmsNorm(queries, $"{name}q_norm.weight");
            keys = RmsNorm(keys, $"{name}k_norm.weight");
        }

        double[] frequencies = _description.Frequencies(layer);
        var attended = Attend(Rotate(queries, frequencies), Rotate(keys, frequencies), Heads(Linear(x, $"{name}v_proj")), layer);
        return Linear(attended, $"{name}o_proj");
    }

    // (B, heads, T, size) to (B, T, heads * size)
    private Tensor Attend(Tensor queries, Tensor keys, Tensor values, int layer)
    {
        long group = queries.shape[1] / keys.shape[1], tokens = queries.shape[2];
        (keys, values) = (keys.repeat_interleave(group, 1), values.repeat_interleave(group, 1));
        var scores = matmul(queries, keys.transpose(2, 3)) / Number(Math.Sqrt(_description.QueryScalar ?? _description.HeadSize));
        scores = Capped(scores, _description.AttentionCap);
        var distance = Positions(tokens).unsqueeze(1) - Positions(tokens).unsqueeze(0);
        var isHidden = distance.lt(Number(0));
        if (_description.IsLocal(layer)) isHidden = isHidden.logical_or(distance.ge(Number(_description.Window!.Value)));
        var weights = where(isHidden, Number(double.NegativeInfinity), scores).softmax(-1);
        return matmul(weights, values).transpose(1, 2).flatten(2);
    }

    private static Tensor Capped(Tensor x, double? limit) => limit is { } cap ? Number(cap) * tanh(x / Number(cap)) : x;

    // (B, T, heads * size) to (B, heads, T, size)
    private Tensor Heads(Tensor x) => x.view(x.shape[0], x.shape[1], -1, _description.HeadSize).transpose(1, 2);

    // The element j and the element j + size / 2 are a complex number, which is turned by the position's angle.
    private static Tensor Rotate(Tensor x, double[] frequencies)
    {
        var angles = outer(Positions(x.shape[2]), tensor(frequencies));
        var halves = x.chunk(2, -1);
        var turned = complex(halves[0].contiguous(), halves[1].contiguous()) * complex(angles.cos(), angles.sin());
        return cat([turned.real, turned.imag], -1);
    }

    private Tensor GatedFeedForward(Tensor x, string name)
    {
        var gate = Linear(x, $"{name}gate_proj");
        var opened = _description.IsGemma
            ? Number(0.5) * gate * (Number(1) + tanh(Number(Math.Sqrt(2 / Math.PI)) * (gate + (Number(0.044715) * gate * gate * gate))))
            : gate * sigmoid(gate);
        return Linear(opened * Linear(x, $"{name}up_proj"), $"{name}down_proj");
    }

    private Tensor RmsNorm(Tensor x, string name)
    {
        var scale = _description.IsGemma ? Number(1) + _weights[name] : _weights[name];
        return x / sqrt((x * x).mean([-1], keepdim: true) + Number(_description.NormEpsilon)) * scale;
    }

    private Tensor LayerNorm(Tensor x, string name)
    {
        var centered = x - x.mean([-1], keepdim: true);
        return centered / sqrt((centered * centered).mean([-1], keepdim: true) + Number(_description.NormEpsilon)) * _weights[name];
    }

    private Tensor Linear(Tensor x, string name)
    {
        var entering = Rounding is null ? x : x + (Rounding(name, x) - x).detach();
        var product = matmul(entering, _weights[$"{name}.weight"].t());
        foreach (var (_, first, scale, a, b) in _adapters.Where(each => each.Layer == name))
        {
            long rank = b.shape[1], after = product.shape[^1] - first - b.shape[0];
            var outputs = cat([zeros([first, rank], ScalarType.Float64), b, zeros([after, rank], ScalarType.Float64)], 0);
            product = product + (Number(scale) * matmul(matmul(x, a.t()), outputs.t()));
        }

        return _weights.TryGetValue($"{name}.bias", out var bias) ? product + bias : product;
    }

    // A tensor, which the scope keeps: a scalar that is created for a single call may be collected while libtorch reads it.
    private static Tensor Number(double value) => tensor(value, ScalarType.Float64);

    private static Tensor Positions(long count) => tensor([.. Enumerable.Range(0, (int)count).Select(position => (double)position)]);

    private static Tensor Parameter(NamedTensor source)
    {
        long[] shape = [.. source.Shape.Select(size => (long)size)];
        var parameter = tensor(source.Elements, ScalarType.Float64).reshape(shape).DetachFromDisposeScope();
        parameter.requires_grad = true;
        return parameter;
    }
}
