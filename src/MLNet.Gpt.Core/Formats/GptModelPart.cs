using System.Diagnostics;

namespace MLNet.Gpt;

/// <summary>One part of a model.</summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptModelPart
{
    private GptModelPart(string name, long parameterCount, long bytes)
    {
        Name = name;
        ParameterCount = parameterCount;
        Bytes = bytes;
    }

    /// <summary>
    /// The part, all layers together: token embedding, position embedding, attention, feed-forward, layer norms, output
    /// head.
    /// </summary>
    public string Name { get; }

    /// <summary>Its parameters.</summary>
    public long ParameterCount { get; }

    /// <summary>Their size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>Returns the parts that weights belong to, in the order of their first weight.</summary>
    /// <param name="entries">Weights with the keys of <see cref="WeightNames"/>.</param>
    /// <param name="byteCountOf">Returns the size of one of them in bytes.</param>
    public static IReadOnlyList<GptModelPart> Of(IEnumerable<WeightEntry> entries, Func<WeightEntry, long> byteCountOf) =>
        [.. entries
            .GroupBy(entry => NameOf(entry.Name))
            .Select(part => new GptModelPart(part.Key, part.Sum(entry => entry.ElementCount), part.Sum(byteCountOf)))];

    /// <summary>Returns the name and the number of parameters.</summary>
    public override string ToString() => FormattableString.Invariant($"{Name} {ParameterCount:N0}");

    private static string NameOf(string weight) => weight switch
    {
        WeightNames.TokenEmbedding => "Token embedding",
        WeightNames.PositionEmbedding => "Position embedding",
        WeightNames.Head => "Output head",
        _ when weight.Contains(".att.", StringComparison.Ordinal) => "Attention",
        _ when weight.Contains(".ff.", StringComparison.Ordinal) => "Feed-forward",
        _ => "Layer norms",
    };
}
