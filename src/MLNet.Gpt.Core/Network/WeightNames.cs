using System.Globalization;

namespace MLNet.Gpt;

/// <summary>
/// The keys of a model's weights, and their shapes: those of the book's state dict, continued for what GPT-2 does not
/// have. Matrices of linear layers are (out, in); C, F, nh, nkv and hs are the sizes in <see cref="GptConfig"/>. The only
/// place with these names; the TorchSharp network takes its state-dict keys from here as well.
/// </summary>
public static class WeightNames
{
    /// <summary>Token embedding, (V, C).</summary>
    public const string TokenEmbedding = "tok_emb.weight";

    /// <summary>Position embedding, (T, C); absent with rotary positions.</summary>
    public const string PositionEmbedding = "pos_emb.weight";

    /// <summary>Scale of the last norm, (C).</summary>
    public const string FinalNormScale = "final_norm.scale";

    /// <summary>Shift of the last norm, (C); absent without biases and in RMS norms.</summary>
    public const string FinalNormShift = "final_norm.shift";

    /// <summary>Output head, (V, C); absent if the head is tied to the token embedding, or replaced by scores.</summary>
    public const string Head = "out_head.weight";

    /// <summary>
    /// Head of scores, (K, C), as Hugging Face's classes for sequence classification call it; absent in models that predict
    /// tokens.
    /// </summary>
    public const string Score = "score.weight";

    /// <summary>Bias of the head of scores, (K); absent in models that predict tokens.</summary>
    public const string ScoreBias = "score.bias";

    /// <summary>Query projection of a block, (nh hs, C).</summary>
    public static string Query(int layer) => Block(layer, "att.W_query.weight");

    /// <summary>Bias of the query projection, (nh hs); absent without query-key-value bias.</summary>
    public static string QueryBias(int layer) => Block(layer, "att.W_query.bias");

    /// <summary>Key projection of a block, (nkv hs, C).</summary>
    public static string Key(int layer) => Block(layer, "att.W_key.weight");

    /// <summary>Bias of the key projection, (nkv hs); absent without query-key-value bias.</summary>
    public static string KeyBias(int layer) => Block(layer, "att.W_key.bias");

    /// <summary>Value projection of a block, (nkv hs, C).</summary>
    public static string Value(int layer) => Block(layer, "att.W_value.weight");

    /// <summary>Bias of the value projection, (nkv hs); absent without query-key-value bias.</summary>
    public static string ValueBias(int layer) => Block(layer, "att.W_value.bias");

    /// <summary>Output projection of attention, (C, nh hs).</summary>
    public static string AttentionOutput(int layer) => Block(layer, "att.out_proj.weight");

    /// <summary>Bias of attention's output projection, (C); absent without biases.</summary>
    public static string AttentionOutputBias(int layer) => Block(layer, "att.out_proj.bias");

    /// <summary>Scale of the norm of queries, (hs); absent without query-key norm.</summary>
    public static string QueryNormScale(int layer) => Block(layer, "att.q_norm.scale");

    /// <summary>Scale of the norm of keys, (hs); absent without query-key norm.</summary>
    public static string KeyNormScale(int layer) => Block(layer, "att.k_norm.scale");

    /// <summary>Gate of the feed-forward layer, (F, C); absent if it has none.</summary>
    public static string FeedForwardGate(int layer) => Block(layer, "ff.gate.weight");

    /// <summary>Bias of the gate, (F); absent without feed-forward biases.</summary>
    public static string FeedForwardGateBias(int layer) => Block(layer, "ff.gate.bias");

    /// <summary>First feed-forward projection, the one that is multiplied by the gate if there is one, (F, C).</summary>
    public static string FeedForwardIn(int layer) => Block(layer, "ff.layers.0.weight");

    /// <summary>Bias of the first feed-forward projection, (F); absent without feed-forward biases.</summary>
    public static string FeedForwardInBias(int layer) => Block(layer, "ff.layers.0.bias");

    /// <summary>Second feed-forward projection, (C, F).</summary>
    public static string FeedForwardOut(int layer) => Block(layer, "ff.layers.2.weight");

    /// <summary>Bias of the second feed-forward projection, (C); absent without feed-forward biases.</summary>
    public static string FeedForwardOutBias(int layer) => Block(layer, "ff.layers.2.bias");

    /// <summary>Scale of the norm before attention, (C).</summary>
    public static string AttentionNormScale(int layer) => Block(layer, "norm1.scale");

    /// <summary>Shift of the norm before attention, (C); absent without biases and in RMS norms.</summary>
    public static string AttentionNormShift(int layer) => Block(layer, "norm1.shift");

    /// <summary>Scale of the norm before the feed-forward layer, (C).</summary>
    public static string FeedForwardNormScale(int layer) => Block(layer, "norm2.scale");

    /// <summary>Shift of the norm before the feed-forward layer, (C); absent without biases and in RMS norms.</summary>
    public static string FeedForwardNormShift(int layer) => Block(layer, "norm2.shift");

    /// <summary>Scale of the norm after attention, (C); absent without post-norms.</summary>
    public static string AttentionPostNormScale(int layer) => Block(layer, "norm1_post.scale");

    /// <summary>Shift of the norm after attention, (C); absent without post-norms, without biases and in RMS norms.</summary>
    public static string AttentionPostNormShift(int layer) => Block(layer, "norm1_post.shift");

    /// <summary>Scale of the norm after the feed-forward layer, (C); absent without post-norms.</summary>
    public static string FeedForwardPostNormScale(int layer) => Block(layer, "norm2_post.scale");

    /// <summary>Shift of the norm after the feed-forward layer, (C); absent without post-norms, without biases and in RMS norms.</summary>
    public static string FeedForwardPostNormShift(int layer) => Block(layer, "norm2_post.shift");

    /// <summary>
    /// Returns every weight of a configuration with its shape, in the order of the book's state dict.
    /// </summary>
    public static IEnumerable<WeightEntry> For(GptConfig config)
    {
        int c = config.EmbeddingWidth, f = config.FeedForwardWidth, v = config.VocabularySize;
        int queries = config.QueryWidth, keys = config.KeyWidth;
        yield return new(TokenEmbedding, [v, c]);
        if (config.Rotary is null) yield return new(PositionEmbedding, [config.ContextLength, c]);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            yield return new(Query(layer), [queries, c]);
            if (config.HasQkvBias) yield return new(QueryBias(layer), [queries]);
            yield return new(Key(layer), [keys, c]);
            if (config.HasQkvBias) yield return new(KeyBias(layer), [keys]);
            yield return new(Value(layer), [keys, c]);
            if (config.HasQkvBias) yield return new(ValueBias(layer), [keys]);
            if (config.HasQueryKeyNorm)
            {
                yield return new(QueryNormScale(layer), [config.HeadSize]);
                yield return new(KeyNormScale(layer), [config.HeadSize]);
            }

            yield return new(AttentionOutput(layer), [c, queries]);
            if (config.HasBias) yield return new(AttentionOutputBias(layer), [c]);
            if (config.HasGate)
            {
                yield return new(FeedForwardGate(layer), [f, c]);
                if (config.HasFeedForwardBias) yield return new(FeedForwardGateBias(layer), [f]);
            }

            yield return new(FeedForwardIn(layer), [f, c]);
            if (config.HasFeedForwardBias) yield return new(FeedForwardInBias(layer), [f]);
            yield return new(FeedForwardOut(layer), [c, f]);
            if (config.HasFeedForwardBias) yield return new(FeedForwardOutBias(layer), [c]);
            yield return new(AttentionNormScale(layer), [c]);
            if (config.HasNormShift) yield return new(AttentionNormShift(layer), [c]);
            yield return new(FeedForwardNormScale(layer), [c]);
            if (config.HasNormShift) yield return new(FeedForwardNormShift(layer), [c]);
            if (!config.HasPostNorms) continue;
            yield return new(AttentionPostNormScale(layer), [c]);
            if (config.HasNormShift) yield return new(AttentionPostNormShift(layer), [c]);
            yield return new(FeedForwardPostNormScale(layer), [c]);
            if (config.HasNormShift) yield return new(FeedForwardPostNormShift(layer), [c]);
        }

        yield return new(FinalNormScale, [c]);
        if (config.HasNormShift) yield return new(FinalNormShift, [c]);
        if (config.ScoreCount is { } scores)
        {
            yield return new(Score, [scores, c]);
            yield return new(ScoreBias, [scores]);
        }
        else if (!config.HasTiedHead)
        {
            yield return new(Head, [v, c]);
        }
    }

    private static string Block(int layer, string name) => string.Create(CultureInfo.InvariantCulture, $"trf_blocks.{layer}.{name}");
}
