using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>A model's weights in managed memory, in one array each.</summary>
public sealed class GptWeights : IWeightSource
{
    private readonly IReadOnlyDictionary<string, float[]> _arrays;

    /// <summary>Wraps arrays by name; they are not copied and must not be changed afterwards.</summary>
    /// <exception cref="ArgumentException">
    /// A weight is missing or unknown, or its length does not match the configuration.
    /// </exception>
    public GptWeights(GptConfig config, IReadOnlyDictionary<string, float[]> arrays)
    {
        Config = config.Validated();
        var expected = WeightNames.For(config).ToDictionary(entry => entry.Name);
        foreach (string name in arrays.Keys)
        {
            if (!expected.ContainsKey(name))
            {
                throw new ArgumentException($"'{name}' is not a weight of this configuration.", nameof(arrays));
            }
        }

        foreach (var entry in expected.Values)
        {
            if (!arrays.TryGetValue(entry.Name, out float[]? array))
            {
                throw new ArgumentException($"The weight '{entry.Name}' is missing.", nameof(arrays));
            }

            if (array.LongLength != entry.ElementCount)
            {
                throw new ArgumentException(
                    $"'{entry.Name}' has {Quantity.Of(array.LongLength, "element")}; "
                    + $"its shape ({string.Join(", ", entry.Shape)}) needs {entry.ElementCount}.",
                    nameof(arrays));
            }
        }

        _arrays = arrays;
    }

    /// <inheritdoc/>
    public GptConfig Config { get; }

    /// <summary>The elements of one weight, row-major.</summary>
    /// <exception cref="KeyNotFoundException">There is no weight with that name.</exception>
    public ReadOnlySpan<float> this[string name] => Find(name);

    /// <inheritdoc/>
    public void Read(string name, long start, Span<float> destination)
    {
        float[] array = Find(name);
        Check.ElementRange(start, destination.Length, array.LongLength, name);
        array.AsSpan((int)start, destination.Length).CopyTo(destination);
    }

    /// <summary>Copies weights into managed memory.</summary>
    internal static GptWeights CopyOf(IWeightSource weights)
    {
        var arrays = new Dictionary<string, float[]>();
        foreach (var entry in WeightNames.For(weights.Config))
        {
            float[] elements = arrays[entry.Name] = new float[entry.ElementCount];
            weights.Read(entry.Name, 0, elements);
        }

        return new(weights.Config, arrays);
    }

    private float[] Find(string name) => _arrays.TryGetValue(name, out float[]? array)
        ? array
        : throw new KeyNotFoundException($"There is no weight '{name}' in this model.");
}
