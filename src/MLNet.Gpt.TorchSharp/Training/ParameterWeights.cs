using System.Runtime.InteropServices;
using TorchSharp.Modules;

namespace MLNet.Gpt.TorchSharp;

/// <summary>A network's weights as they are at each moment, read from where they lie.</summary>
internal sealed class ParameterWeights(GptConfig config, IReadOnlyDictionary<string, Parameter> parameters) : IWeightSource
{
    public GptConfig Config => config;

    public void Read(string name, long start, Span<float> destination)
    {
        if (!parameters.TryGetValue(name, out var parameter)) throw new KeyNotFoundException($"There is no weight '{name}' in this network.");
        var elements = MemoryMarshal.Cast<byte, float>(parameter.bytes);
        if (start < 0 || start > elements.Length - destination.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(start), start, $"{destination.Length} elements from {start} reach outside '{name}', which has {elements.Length}.");
        }

        elements.Slice((int)start, destination.Length).CopyTo(destination);
    }
}
