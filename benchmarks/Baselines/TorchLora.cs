using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch.nn.functional;

namespace MLNet.Gpt.Benchmarks.Baselines;

/// <summary>
/// GPT-2 in TorchSharp with an adapter on every linear layer of its blocks, and the usual training loop: forward,
/// <c>cross_entropy</c>, <c>backward</c>, <c>AdamW.step</c>. Only the adapters have gradients.
/// </summary>
internal sealed class TorchLora : TorchGpt
{
    private readonly Dictionary<string, (Parameter A, Parameter B)> _adapters = [];
    private readonly AdamW _optimizer;
    private readonly double _scale;

    public TorchLora(IWeightSource source, LoraOptions options, double learningRate, double weightDecay)
        : base(source)
    {
        _scale = options.Alpha / options.Rank;
        foreach (var entry in WeightNames.For(source.Config))
        {
            if (entry.Shape.Count < 2 || !entry.Name.StartsWith("trf_blocks.", StringComparison.Ordinal)) continue;
            var (rows, columns) = (entry.Shape[0], entry.Shape[1]);
            var a = torch.nn.Parameter(((torch.rand(options.Rank, columns) * 2) - 1) / Math.Sqrt(columns));
            _adapters.Add(entry.Name, (a, torch.nn.Parameter(torch.zeros(rows, options.Rank))));
        }

        var trained = _adapters.Values.SelectMany(adapter => new[] { adapter.A, adapter.B });
        _optimizer = torch.optim.AdamW(trained, lr: learningRate, weight_decay: weightDecay);
    }

    /// <summary>Trains on inputs and targets (B, T); returns the loss before the step.</summary>
    public double Step(torch.Tensor inputs, torch.Tensor targets)
    {
        using var scope = torch.NewDisposeScope();
        _optimizer.zero_grad();
        var loss = cross_entropy(Forward(inputs).flatten(0, 1), targets.flatten());
        loss.backward();
        _optimizer.step();
        return loss.item<float>();
    }

    protected override torch.Tensor Linear(torch.Tensor x, string weight, string? bias)
    {
        var (a, b) = _adapters[weight];
        return base.Linear(x, weight, bias) + (_scale * linear(linear(x, a), b));
    }

    protected override void Dispose(bool disposing)
    {
        _optimizer.Dispose();
        foreach (var (a, b) in _adapters.Values)
        {
            a.Dispose();
            b.Dispose();
        }

        base.Dispose(disposing);
    }
}
