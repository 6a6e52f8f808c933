namespace MLNet.Gpt.Tests.Decoders;

/// <summary>A description and its weights in the library's words.</summary>
internal static class LibraryDecoder
{
    public static GptConfig Config(DecoderDescription description) => new()
    {
        VocabularySize = description.VocabularySize,
        ContextLength = description.ContextLength,
        EmbeddingWidth = description.Width,
        HeadCount = description.HeadCount,
        KeyValueHeadCount = description.KeyValueHeadCount,
        HeadSize = description.HeadSize,
        LayerCount = description.LayerCount,
        FeedForwardWidth = description.IsNanoGpt ? 4 * description.Width : description.FeedForwardWidth,
        DropoutRate = 0,
        HasQkvBias = description.HasQueryKeyValueBias,
        HasBias = description.HasOutputBias,
        HasFeedForwardBias = description.HasFeedForwardBias,
        HasTiedHead = description.HasTiedHead,
        Normalization = description.IsNanoGpt ? Normalization.LayerNorm : Normalization.RmsNorm,
        NormEpsilon = (float)description.NormEpsilon,
        HasPostNorms = description.IsGemma,
        HasQueryKeyNorm = description.HasQueryKeyNorm,
        Rotary = description.IsNanoGpt ? null : Rotary(description),
        AttentionScale = 1 / Math.Sqrt(description.QueryScalar ?? description.HeadSize),
        AttentionSoftCap = description.AttentionCap,
        LogitSoftCap = description.LogitCap,
        SlidingWindow = description.Window,
        FirstSlidingLayer = description.FirstLocalLayer,
        GlobalLayerInterval = description.GlobalEvery,
        FeedForward = description.IsGemma ? FeedForwardKind.GeGlu
            : description.IsNanoGpt ? FeedForwardKind.GeluExact : FeedForwardKind.SwiGlu,
        HasScaledEmbedding = description.IsGemma,
    };

    public static GptWeights Weights(DecoderDescription description, IReadOnlyDictionary<string, NamedTensor> weights)
    {
        var arrays = new Dictionary<string, float[]>();
        foreach (var (name, tensor) in weights)
        {
            float[] elements = Elements(description, name, tensor);
            string[] names = Names(description, name);
            foreach (var (ownName, part) in names.Zip(elements.Chunk(elements.Length / names.Length))) arrays[ownName] = part;
        }

        return new(Config(description), arrays);
    }

    /// <summary>Returns the library's names of a tensor: several if it is a matrix that the library splits.</summary>
    public static string[] Names(DecoderDescription description, string name)
    {
        string[] parts = name.Split('.');
        if (parts[1] is not ("layers" or "h"))
        {
            return
            [
                parts[^2] switch
                {
                    "embed_tokens" or "wte" => WeightNames.TokenEmbedding,
                    "wpe" => WeightNames.PositionEmbedding,
                    "norm" or "ln_f" => WeightNames.FinalNormScale,
                    _ => WeightNames.Head,
                },
            ];
        }

        int layer = int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture);
        return (parts[^2], parts[^1]) switch
        {
            ("q_proj", "weight") => [WeightNames.Query(layer)],
            ("q_proj", _) => [WeightNames.QueryBias(layer)],
            ("k_proj", "weight") => [WeightNames.Key(layer)],
            ("k_proj", _) => [WeightNames.KeyBias(layer)],
            ("v_proj", "weight") => [WeightNames.Value(layer)],
            ("v_proj", _) => [WeightNames.ValueBias(layer)],
            ("c_attn", _) => [WeightNames.Query(layer), WeightNames.Key(layer), WeightNames.Value(layer)],
            ("q_norm", _) => [WeightNames.QueryNormScale(layer)],
            ("k_norm", _) => [WeightNames.KeyNormScale(layer)],
            ("o_proj", "bias") => [WeightNames.AttentionOutputBias(layer)],
            ("o_proj", _) => [WeightNames.AttentionOutput(layer)],
            ("c_proj", _) => [parts[3] == "attn" ? WeightNames.AttentionOutput(layer) : WeightNames.FeedForwardOut(layer)],
            ("gate_proj", "weight") => [WeightNames.FeedForwardGate(layer)],
            ("gate_proj", _) => [WeightNames.FeedForwardGateBias(layer)],
            ("up_proj", "bias") => [WeightNames.FeedForwardInBias(layer)],
            ("up_proj" or "c_fc", _) => [WeightNames.FeedForwardIn(layer)],
            ("down_proj", "bias") => [WeightNames.FeedForwardOutBias(layer)],
            ("down_proj", _) => [WeightNames.FeedForwardOut(layer)],
            ("input_layernorm" or "ln_1", _) => [WeightNames.AttentionNormScale(layer)],
            ("post_attention_layernorm", _) when description.IsGemma => [WeightNames.AttentionPostNormScale(layer)],
            ("post_feedforward_layernorm", _) => [WeightNames.FeedForwardPostNormScale(layer)],
            _ => [WeightNames.FeedForwardNormScale(layer)],
        };
    }

    private static float[] Elements(DecoderDescription description, string name, NamedTensor tensor) =>
        description.IsGemma && name.EndsWith("norm.weight", StringComparison.Ordinal)
            ? [.. tensor.Elements.Select(x => x + 1)]
            : tensor.Elements;

    private static RotaryEncoding Rotary(DecoderDescription description) => new()
    {
        Base = description.RotaryBase,
        SlidingBase = description.LocalRotaryBase,
        LinearFactor = description.LinearFactor ?? 1,
        Llama3 = description.Llama3 is not { } scaling ? null : new()
        {
            Factor = scaling.Factor,
            LowFrequencyFactor = scaling.Low,
            HighFrequencyFactor = scaling.High,
            OriginalContextLength = scaling.OriginalLength,
        },
    };
}
