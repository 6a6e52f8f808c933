namespace MLNet.Gpt.Network;

/// <summary>Where each weight lies in flat memory; gradients and moments lie alike.</summary>
internal sealed class ParameterLayout
{
    private const int Alignment = 16; // numbers in a cache line

    private readonly Dictionary<string, WeightEntry> _entries;
    private readonly Dictionary<string, ParameterSlot> _slots = [];
    private readonly Func<string, bool> _isFrozen;

    public ParameterLayout(GptConfig config, Func<string, bool> isFrozen)
    {
        Config = config;
        _isFrozen = isFrozen;
        _entries = WeightNames.For(config).ToDictionary(entry => entry.Name);
        TokenEmbedding = Add(WeightNames.TokenEmbedding);
        PositionEmbedding = Add(WeightNames.PositionEmbedding);
        Blocks = [.. Enumerable.Range(0, config.LayerCount).Select(AddBlock)];
        FinalNormScale = Add(WeightNames.FinalNormScale);
        FinalNormShift = Add(WeightNames.FinalNormShift);
        Head = config.HasTiedHead ? TokenEmbedding : Add(WeightNames.Head);
    }

    /// <summary>The model's sizes.</summary>
    public GptConfig Config { get; }

    /// <summary>Numbers in all, with gaps.</summary>
    public long Length { get; private set; }

    /// <summary>Every weight, in the order in which they lie.</summary>
    public IReadOnlyCollection<ParameterSlot> Slots => _slots.Values;

    /// <summary>(V, C).</summary>
    public ParameterGroup TokenEmbedding { get; }

    /// <summary>(context, C).</summary>
    public ParameterGroup PositionEmbedding { get; }

    /// <summary>The blocks, from the first.</summary>
    public IReadOnlyList<BlockParameters> Blocks { get; }

    /// <summary>(C).</summary>
    public ParameterGroup FinalNormScale { get; }

    /// <summary>(C).</summary>
    public ParameterGroup FinalNormShift { get; }

    /// <summary>(V, C): the token embedding where the head is tied to it.</summary>
    public ParameterGroup Head { get; }

    /// <summary>The weight of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is no weight of that name.</exception>
    public ParameterSlot this[string name] => _slots.TryGetValue(name, out var slot)
        ? slot
        : throw new KeyNotFoundException($"There is no weight '{name}' in this model.");

    private BlockParameters AddBlock(int layer) => new(
        Add(WeightNames.AttentionNormScale(layer)),
        Add(WeightNames.AttentionNormShift(layer)),
        Add(WeightNames.Query(layer), WeightNames.Key(layer), WeightNames.Value(layer)),
        Config.HasQkvBias ? Add(WeightNames.QueryBias(layer), WeightNames.KeyBias(layer), WeightNames.ValueBias(layer)) : ParameterGroup.None,
        Add(WeightNames.AttentionOutput(layer)),
        Add(WeightNames.AttentionOutputBias(layer)),
        Add(WeightNames.FeedForwardNormScale(layer)),
        Add(WeightNames.FeedForwardNormShift(layer)),
        Add(WeightNames.FeedForwardIn(layer)),
        Add(WeightNames.FeedForwardInBias(layer)),
        Add(WeightNames.FeedForwardOut(layer)),
        Add(WeightNames.FeedForwardOutBias(layer)));

    private ParameterGroup Add(params ReadOnlySpan<string> names)
    {
        Length = (Length + Alignment - 1) / Alignment * Alignment;
        long offset = Length;
        int rows = 0, columns = 0;
        bool isFrozen = true;
        foreach (string name in names)
        {
            var entry = _entries[name];
            var slot = new ParameterSlot(name, Length, entry.ElementCount, entry.Shape.Count > 1, _isFrozen(name));
            _slots.Add(name, slot);
            Length += slot.Length;
            isFrozen &= slot.IsFrozen;
            columns = entry.Shape[^1];
            rows += entry.Shape.Count > 1 ? entry.Shape[0] : 1;
        }

        return new(offset, rows, columns, isFrozen);
    }
}
