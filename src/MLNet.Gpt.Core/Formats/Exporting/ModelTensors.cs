using MLNet.Gpt.Formats.Layouts;

namespace MLNet.Gpt.Formats.Exporting;

/// <summary>A model's weights with the names and the layout of a format.</summary>
internal sealed class ModelTensors(IWeightSource weights, TensorTable table)
{
    private readonly Dictionary<string, WeightEntry> _entries =
        WeightNames.For(weights.Config).ToDictionary(entry => entry.Name, StringComparer.Ordinal);

    /// <summary>Every tensor of the model, in the format's order.</summary>
    public IEnumerable<ExportTensor> All() =>
        table.Tensors(weights.Config.LayerCount).Select(each => Find(each.Role, each.Layer)).OfType<ExportTensor>();

    /// <summary>Returns a tensor that every model of the format has.</summary>
    public ExportTensor this[TensorRole role, int layer = 0] =>
        Find(role, layer) ?? throw new ArgumentOutOfRangeException(nameof(role), role, $"The model has no {role}.");

    /// <summary>Returns a tensor, or <see langword="null"/> if the model has none, such as a tied head.</summary>
    public ExportTensor? Find(TensorRole role, int layer)
    {
        string name = table.WrittenNameOf(role, layer);
        string[] parts = role.Weights(layer);
        if (!_entries.ContainsKey(parts[0]))
        {
            return role.IsBias() && table.HasAllBiases ? ExportTensor.Zeros(name, LengthOf(role)) : null;
        }

        var tensor = parts.Length == 1 ? Weight(name, parts[0]) : ExportTensor.Stacked(name, [.. parts.Select(part => Weight(name, part))]);
        if (table.NormOffset != 0 && role.IsNormScale()) tensor = tensor.Plus(-table.NormOffset);
        if (table.HasNeighboringPairs && role.IsRotated()) tensor = tensor.Paired(weights.Config.HeadSize);
        return table.IsTransposed && role.IsLinear() ? tensor.Transposed() : tensor;
    }

    // Of a bias or shift in GPT-2.
    private int LengthOf(TensorRole role) => role switch
    {
        TensorRole.QueryKeyValueBias => weights.Config.ProjectedWidth,
        TensorRole.FeedForwardInBias => weights.Config.FeedForwardWidth,
        _ => weights.Config.EmbeddingWidth,
    };

    private ExportTensor Weight(string name, string weight) =>
        new(name, _entries[weight].Shape, (start, destination) => weights.Read(weight, start, destination));
}
