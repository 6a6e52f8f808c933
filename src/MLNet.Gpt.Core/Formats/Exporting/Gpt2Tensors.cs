namespace MLNet.Gpt.Formats.Exporting;

/// <summary>
/// A model's weights as GPT-2's release lays them out: query, key and value projections fused, always with a bias,
/// which is zero where the model has none. Matrices are (out, in).
/// </summary>
internal sealed class Gpt2Tensors(IWeightSource weights)
{
    private readonly Dictionary<string, WeightEntry> _entries = WeightNames.For(weights.Config).ToDictionary(entry => entry.Name);

    /// <summary>A weight under another name.</summary>
    public ExportTensor Weight(string name, string source) => new(name, _entries[source].Shape, (start, destination) => weights.Read(source, start, destination));

    /// <summary>The fused projections, (3 C, C): queries, keys, values.</summary>
    public ExportTensor QueryKeyValue(string name, int layer) => ExportTensor.Stacked(
        name, Weight(name, WeightNames.Query(layer)), Weight(name, WeightNames.Key(layer)), Weight(name, WeightNames.Value(layer)));

    /// <summary>Their biases, (3 C).</summary>
    public ExportTensor QueryKeyValueBias(string name, int layer) => weights.Config.HasQkvBias
        ? ExportTensor.Stacked(
            name, Weight(name, WeightNames.QueryBias(layer)), Weight(name, WeightNames.KeyBias(layer)), Weight(name, WeightNames.ValueBias(layer)))
        : ExportTensor.Zeros(name, 3 * weights.Config.EmbeddingWidth);
}
