using TorchSharp;

namespace MLNet.Gpt.Benchmarks.Baselines;

/// <summary>
/// The keys and values of the tokens so far, a pair of tensors per layer, grown by concatenation, as is usual.
/// </summary>
internal sealed class TorchKvCache(int layers) : IDisposable
{
    private readonly (torch.Tensor Key, torch.Tensor Value)?[] _layers = new (torch.Tensor, torch.Tensor)?[layers];

    public long Length { get; set; }

    public (torch.Tensor Key, torch.Tensor Value) Append(int layer, torch.Tensor key, torch.Tensor value)
    {
        if (_layers[layer] is { } old)
        {
            key = torch.cat([old.Key, key], 2);
            value = torch.cat([old.Value, value], 2);
            old.Key.Dispose();
            old.Value.Dispose();
        }

        _layers[layer] = (key.DetachFromDisposeScope(), value.DetachFromDisposeScope());
        return (key, value);
    }

    public void Dispose()
    {
        foreach (var layer in _layers)
        {
            layer?.Key.Dispose();
            layer?.Value.Dispose();
        }
    }
}
