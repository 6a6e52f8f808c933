namespace MLNet.Gpt;

/// <summary>One part of a model.</summary>
/// <param name="Name">
/// The part, all layers together: token embedding, position embedding, attention, feed-forward, layer norms, output
/// head.
/// </param>
/// <param name="ParameterCount">Its parameters.</param>
/// <param name="Bytes">The bytes that they take.</param>
public sealed record GptModelPart(string Name, long ParameterCount, long Bytes)
{
    /// <summary>The parts that weights belong to, in the order of their first weight.</summary>
    /// <param name="entries">Weights under <see cref="WeightNames"/>' keys.</param>
    /// <param name="byteCountOf">The bytes of one of them.</param>
    public static IReadOnlyList<GptModelPart> Of(IEnumerable<WeightEntry> entries, Func<WeightEntry, long> byteCountOf) =>
        [.. entries.GroupBy(entry => NameOf(entry.Name)).Select(part => new GptModelPart(part.Key, part.Sum(entry => entry.ElementCount), part.Sum(byteCountOf)))];

    /// <summary>Name and parameters.</summary>
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
