using MLNet.Gpt.Data;
using MLNet.Gpt.Network;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNet.Gpt.Tests.Training.Managed.Sequences;

/// <summary>
/// A decoder in double precision on TorchSharp, one sequence at a time, every operation spelled out, with the library's weights:
/// GPT-2, or a Llama with rotary positions, RMS norms, grouped queries and SwiGLU.
/// </summary>
internal sealed class TorchNetwork : IDisposable
{
    private readonly GptConfig _config;
    private double _adapterScale;

    public TorchNetwork(GptWeights weights, Func<string, bool>? isFrozen = null)
    {
        _config = weights.Config;
        foreach (var entry in WeightNames.For(_config))
        {
            Add(entry.Name, weights[entry.Name].ToArray(), [.. entry.Shape], isFrozen?.Invoke(entry.Name) != true);
        }
    }

    public Dictionary<string, Parameter> Parameters { get; } = [];

    /// <summary>Adds s (x Aᵀ) Bᵀ to the linear layers that an adapter updates; A and B are parameters.</summary>
    public void Adapt(LoraAdapter adapter)
    {
        foreach (var matrix in adapter.Matrices)
        {
            _adapterScale = matrix.Scale;
            Add(LoraTargets.NameOfA(matrix.Target), matrix.A.ToArray(), [matrix.Rank, matrix.Columns], isTrained: true);
            Add(LoraTargets.NameOfB(matrix.Target), matrix.B.ToArray(), [matrix.Rows, matrix.Rank], isTrained: true);
        }
    }

    public void Dispose()
    {
        foreach (var parameter in Parameters.Values) parameter.Dispose();
    }

    /// <summary>The mean loss of the targets of a batch that count.</summary>
    public Tensor Loss(TokenBatch batch, double smoothing = 0)
    {
        Tensor[] hidden = [.. Enumerable.Range(0, batch.BatchSize).Select(i => Hidden(batch.Inputs[batch.Starts[i]..batch.Starts[i + 1]]))];
        if (!batch.IsLabeled)
        {
            var head = Parameters.GetValueOrDefault(WeightNames.Head, Parameters[WeightNames.TokenEmbedding]);
            var logits = Adapted(cat(hidden), head, WeightNames.Head);
            return nn.functional.cross_entropy(
                logits, tensor(batch.Targets, ScalarType.Int64), ignore_index: -100, label_smoothing: smoothing);
        }

        var last = stack([.. hidden.Select(rows => rows[-1])]);
        var scores = Adapted(last, Parameters[WeightNames.Score], WeightNames.Score) + Parameters[WeightNames.ScoreBias];
        return batch.Labels is { } labels
            ? nn.functional.cross_entropy(scores, tensor(labels, ScalarType.Int64), label_smoothing: smoothing)
            : nn.functional.mse_loss(scores.squeeze(-1), tensor(batch.Values!, ScalarType.Float64));
    }

    // (T) -> (T, C)
    private Tensor Hidden(int[] ids)
    {
        var x = Parameters[WeightNames.TokenEmbedding][tensor(ids, ScalarType.Int64)];
        if (_config.Rotary is null) x = x + Parameters[WeightNames.PositionEmbedding][..ids.Length];
        for (int layer = 0; layer < _config.LayerCount; layer++)
        {
            string block = $"trf_blocks.{layer}.";
            x = x + Attention(Norm(x, block + "norm1"), block + "att.");
            x = x + FeedForward(Norm(x, block + "norm2"), block + "ff.");
        }

        return Norm(x, "final_norm");
    }

    private Tensor Attention(Tensor x, string name)
    {
        Tensor queries = Heads(Linear(x, name + "W_query")), keys = Heads(Linear(x, name + "W_key"));
        var values = Heads(Linear(x, name + "W_value"));
        if (_config.Rotary is not null) (queries, keys) = (Rotate(queries), Rotate(keys));
        long group = _config.HeadCount / _config.KeyValueHeadCount, tokens = x.shape[0];
        (keys, values) = (keys.repeat_interleave(group, 0), values.repeat_interleave(group, 0));
        var scores = matmul(queries, keys.transpose(1, 2)) / Number(Math.Sqrt(_config.HeadSize));
        var isHidden = ones(tokens, tokens, ScalarType.Bool).triu(1);
        var weights = where(isHidden, Number(double.NegativeInfinity), scores).softmax(-1);
        return Linear(matmul(weights, values).transpose(0, 1).flatten(1), name + "out_proj");
    }

    private Tensor FeedForward(Tensor x, string name)
    {
        var inner = Linear(x, name + "layers.0");
        if (_config.HasGate)
        {
            var gate = Linear(x, name + "gate");
            inner = gate * sigmoid(gate) * inner;
        }
        else
        {
            var cube = Number(0.044715) * inner * inner * inner;
            inner = Number(0.5) * inner * (Number(1) + tanh(Number(Math.Sqrt(2 / Math.PI)) * (inner + cube)));
        }

        return Linear(inner, name + "layers.2");
    }

    // (T, heads * size) -> (heads, T, size)
    private Tensor Heads(Tensor x) => x.view(x.shape[0], -1, _config.HeadSize).transpose(0, 1);

    // The element j and the element j + size / 2 are a complex number, which is turned by the position's angle.
    private Tensor Rotate(Tensor x)
    {
        int half = _config.HeadSize / 2;
        double[] frequencies = [.. Enumerable.Range(0, half).Select(i => Math.Pow(_config.Rotary!.Base, -(double)i / half))];
        var angles = outer(arange(x.shape[1], ScalarType.Float64), tensor(frequencies));
        var halves = x.chunk(2, -1);
        var turned = complex(halves[0].contiguous(), halves[1].contiguous()) * complex(angles.cos(), angles.sin());
        return cat([turned.real, turned.imag], -1);
    }

    private Tensor Norm(Tensor x, string name)
    {
        if (_config.Normalization == Normalization.LayerNorm) x = x - x.mean([-1], keepdim: true);
        x = x / sqrt((x * x).mean([-1], keepdim: true) + Number(_config.NormEpsilon)) * Parameters[name + ".scale"];
        return Parameters.TryGetValue(name + ".shift", out var shift) ? x + shift : x;
    }

    private Tensor Linear(Tensor x, string name)
    {
        var product = Adapted(x, Parameters[name + ".weight"], name + ".weight");
        return Parameters.TryGetValue(name + ".bias", out var bias) ? product + bias : product;
    }

    private Tensor Adapted(Tensor x, Tensor weight, string name)
    {
        var product = matmul(x, weight.t());
        return Parameters.TryGetValue(LoraTargets.NameOfA(name), out var a)
            ? product + (Number(_adapterScale) * matmul(matmul(x, a.t()), Parameters[LoraTargets.NameOfB(name)].t()))
            : product;
    }

    private void Add(string name, float[] elements, int[] shape, bool isTrained)
    {
        var values = tensor(elements, ScalarType.Float64).reshape(Array.ConvertAll(shape, size => (long)size));
        Parameters.Add(name, (Parameter)new Parameter(values, requires_grad: isTrained).DetachFromDisposeScope());
    }

    // A tensor, which the scope keeps: a scalar that is created for a single call may be collected while libtorch reads it.
    private static Tensor Number(double value) => tensor(value, ScalarType.Float64);
}
