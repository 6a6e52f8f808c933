using System.Runtime.InteropServices;
using TorchSharp.Modules;

namespace MLNet.Gpt.TorchSharp;

/// <summary>A view of a network's weights: each read returns their current values.</summary>
internal sealed class ParameterWeights(GptConfig config, IReadOnlyDictionary<string, Parameter> parameters) : IWeightSource
{
    public GptConfig Config => config;

    public void Read(string name, long start, Span<float> destination)
    {
        var parameter = parameters.GetValueOrDefault(name) ?? throw new KeyNotFoundException($"The network has no weight '{name}'.");
        var elements = MemoryMarshal.Cast<byte, float>(parameter.bytes);
        if (start < 0 || start > elements.Length - destination.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(start), start, $"{destination.Length} elements from {start} reach beyond '{name}', which has {elements.Length}.");
        }

        elements.Slice((int)start, destination.Length).CopyTo(destination);
    }
}
