using System.Globalization;

namespace MLNet.Gpt;

/// <summary>
/// The keys of a model's weights, those of the book's state dict, and their shapes. Matrices of linear layers are (out,
/// in). The only place with these names; the TorchSharp network takes its state-dict keys from here as well.
/// </summary>
public static class WeightNames
{
    /// <summary>Token embedding, (V, C).</summary>
    public const string TokenEmbedding = "tok_emb.weight";

    /// <summary>Position embedding, (T, C).</summary>
    public const string PositionEmbedding = "pos_emb.weight";

    /// <summary>Scale of the last layer norm, (C).</summary>
    public const string FinalNormScale = "final_norm.scale";

    /// <summary>Shift of the last layer norm, (C).</summary>
    public const string FinalNormShift = "final_norm.shift";

    /// <summary>Output head, (V, C); absent if the head is tied to the token embedding.</summary>
    public const string Head = "out_head.weight";

    /// <summary>Query projection of a block, (C, C).</summary>
    public static string Query(int layer) => Block(layer, "att.W_query.weight");

    /// <summary>Bias of the query projection, (C); absent without query-key-value bias.</summary>
    public static string QueryBias(int layer) => Block(layer, "att.W_query.bias");

    /// <summary>Key projection of a block, (C, C).</summary>
    public static string Key(int layer) => Block(layer, "att.W_key.weight");

    /// <summary>Bias of the key projection, (C); absent without query-key-value bias.</summary>
    public static string KeyBias(int layer) => Block(layer, "att.W_key.bias");

    /// <summary>Value projection of a block, (C, C).</summary>
    public static string Value(int layer) => Block(layer, "att.W_value.weight");

    /// <summary>Bias of the value projection, (C); absent without query-key-value bias.</summary>
    public static string ValueBias(int layer) => Block(layer, "att.W_value.bias");

    /// <summary>Output projection of attention, (C, C).</summary>
    public static string AttentionOutput(int layer) => Block(layer, "att.out_proj.weight");

    /// <summary>Bias of attention's output projection, (C).</summary>
    public static string AttentionOutputBias(int layer) => Block(layer, "att.out_proj.bias");

    /// <summary>First feed-forward projection, (4 C, C).</summary>
    public static string FeedForwardIn(int layer) => Block(layer, "ff.layers.0.weight");

    /// <summary>Bias of the first feed-forward projection, (4 C).</summary>
    public static string FeedForwardInBias(int layer) => Block(layer, "ff.layers.0.bias");

    /// <summary>Second feed-forward projection, (C, 4 C).</summary>
    public static string FeedForwardOut(int layer) => Block(layer, "ff.layers.2.weight");

    /// <summary>Bias of the second feed-forward projection, (C).</summary>
    public static string FeedForwardOutBias(int layer) => Block(layer, "ff.layers.2.bias");

    /// <summary>Scale of the layer norm before attention, (C).</summary>
    public static string AttentionNormScale(int layer) => Block(layer, "norm1.scale");

    /// <summary>Shift of the layer norm before attention, (C).</summary>
    public static string AttentionNormShift(int layer) => Block(layer, "norm1.shift");

    /// <summary>Scale of the layer norm before the feed-forward layer, (C).</summary>
    public static string FeedForwardNormScale(int layer) => Block(layer, "norm2.scale");

    /// <summary>Shift of the layer norm before the feed-forward layer, (C).</summary>
    public static string FeedForwardNormShift(int layer) => Block(layer, "norm2.shift");

    /// <summary>
    /// Returns every weight of a configuration with its shape, in the order of the book's state dict.
    /// </summary>
    public static IEnumerable<WeightEntry> For(GptConfig config)
    {
        int c = config.EmbeddingWidth, f = config.FeedForwardWidth, v = config.VocabularySize;
        yield return new(TokenEmbedding, [v, c]);
        yield return new(PositionEmbedding, [config.ContextLength, c]);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            yield return new(Query(layer), [c, c]);
            if (config.HasQkvBias) yield return new(QueryBias(layer), [c]);
            yield return new(Key(layer), [c, c]);
            if (config.HasQkvBias) yield return new(KeyBias(layer), [c]);
            yield return new(Value(layer), [c, c]);
            if (config.HasQkvBias) yield return new(ValueBias(layer), [c]);
            yield return new(AttentionOutput(layer), [c, c]);
            yield return new(AttentionOutputBias(layer), [c]);
            yield return new(FeedForwardIn(layer), [f, c]);
            yield return new(FeedForwardInBias(layer), [f]);
            yield return new(FeedForwardOut(layer), [c, f]);
            yield return new(FeedForwardOutBias(layer), [c]);
            yield return new(AttentionNormScale(layer), [c]);
            yield return new(AttentionNormShift(layer), [c]);
            yield return new(FeedForwardNormScale(layer), [c]);
            yield return new(FeedForwardNormShift(layer), [c]);
        }

        yield return new(FinalNormScale, [c]);
        yield return new(FinalNormShift, [c]);
        if (!config.HasTiedHead) yield return new(Head, [v, c]);
    }

    private static string Block(int layer, string name) => string.Create(CultureInfo.InvariantCulture, $"trf_blocks.{layer}.{name}");
}
