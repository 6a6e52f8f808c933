using System.Runtime.InteropServices;
using MLNet.Gpt.Configuration;
using TorchSharp.Modules;

namespace MLNet.Gpt.TorchSharp;

/// <summary>A view of a network's weights; each read returns the current values.</summary>
internal sealed class ParameterWeights(GptConfig config, IReadOnlyDictionary<string, Parameter> parameters) : IWeightSource
{
    public GptConfig Config => config;

    public void Read(string name, long start, Span<float> destination)
    {
        var parameter = parameters.GetValueOrDefault(name) ?? throw new KeyNotFoundException($"The network has no weight '{name}'.");
        var elements = MemoryMarshal.Cast<byte, float>(parameter.bytes);
        Check.ElementRange(start, destination.Length, elements.Length, name);
        elements.Slice((int)start, destination.Length).CopyTo(destination);
    }
}
