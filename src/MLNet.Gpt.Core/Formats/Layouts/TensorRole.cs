namespace MLNet.Gpt.Formats.Layouts;

/// <summary>
/// The role of a tensor in a decoder. A <see cref="TensorTable"/> maps these roles to the tensor names of a format.
/// </summary>
internal enum TensorRole
{
    TokenEmbedding,
    PositionEmbedding,
    AttentionNormScale,
    AttentionNormShift,
    Query,
    QueryBias,
    Key,
    KeyBias,
    Value,
    ValueBias,

    /// <summary>Query, key, and value projections stacked in one matrix, in GPT-2 (3 C, C).</summary>
    QueryKeyValue,

    /// <summary>Their biases, (3 C).</summary>
    QueryKeyValueBias,
    QueryNormScale,
    KeyNormScale,
    AttentionOutput,
    AttentionOutputBias,
    AttentionPostNormScale,
    AttentionPostNormShift,
    FeedForwardNormScale,
    FeedForwardNormShift,
    FeedForwardGate,
    FeedForwardGateBias,
    FeedForwardIn,
    FeedForwardInBias,
    FeedForwardOut,
    FeedForwardOutBias,
    FeedForwardPostNormScale,
    FeedForwardPostNormShift,
    FinalNormScale,
    FinalNormShift,
    Head,

    /// <summary>The head of a classifier, or of a model of numbers, (K, C).</summary>
    Score,

    /// <summary>Its bias, (K).</summary>
    ScoreBias,
}

/// <summary>The properties of a role in all formats.</summary>
internal static class TensorRoles
{
    /// <summary>Returns whether each block has a tensor with the role.</summary>
    public static bool IsInBlock(this TensorRole role) => role is not (TensorRole.TokenEmbedding or TensorRole.PositionEmbedding
        or TensorRole.FinalNormScale or TensorRole.FinalNormShift or TensorRole.Head
        or TensorRole.Score or TensorRole.ScoreBias);

    /// <summary>
    /// Returns whether the tensor is the matrix of a linear layer, which some formats store as (in, out).
    /// </summary>
    public static bool IsLinear(this TensorRole role) =>
        role is TensorRole.Query or TensorRole.Key or TensorRole.Value or TensorRole.QueryKeyValue
        or TensorRole.AttentionOutput or TensorRole.FeedForwardGate or TensorRole.FeedForwardIn or TensorRole.FeedForwardOut;

    /// <summary>Returns whether rotary positions turn what the tensor computes.</summary>
    public static bool IsRotated(this TensorRole role) =>
        role is TensorRole.Query or TensorRole.QueryBias or TensorRole.Key or TensorRole.KeyBias;

    /// <summary>
    /// Returns whether the tensor is added, like a bias or a norm's shift, and is therefore zero in a model without
    /// biases.
    /// </summary>
    public static bool IsBias(this TensorRole role) => role is TensorRole.QueryBias or TensorRole.KeyBias or TensorRole.ValueBias
        or TensorRole.QueryKeyValueBias or TensorRole.AttentionOutputBias or TensorRole.FeedForwardInBias or TensorRole.FeedForwardOutBias
        or TensorRole.FeedForwardGateBias or TensorRole.AttentionNormShift or TensorRole.FeedForwardNormShift
        or TensorRole.AttentionPostNormShift or TensorRole.FeedForwardPostNormShift or TensorRole.FinalNormShift;

    /// <summary>Returns whether the tensor is the scale of a norm.</summary>
    public static bool IsNormScale(this TensorRole role) => role is TensorRole.AttentionNormScale or TensorRole.FeedForwardNormScale
        or TensorRole.AttentionPostNormScale or TensorRole.FeedForwardPostNormScale or TensorRole.QueryNormScale or TensorRole.KeyNormScale
        or TensorRole.FinalNormScale;

    /// <summary>Returns the weights that are stacked in the tensor.</summary>
    /// <param name="role">The role.</param>
    /// <param name="layer">The block, for a role in blocks.</param>
    public static string[] Weights(this TensorRole role, int layer) => role switch
    {
        TensorRole.TokenEmbedding => [WeightNames.TokenEmbedding],
        TensorRole.PositionEmbedding => [WeightNames.PositionEmbedding],
        TensorRole.AttentionNormScale => [WeightNames.AttentionNormScale(layer)],
        TensorRole.AttentionNormShift => [WeightNames.AttentionNormShift(layer)],
        TensorRole.Query => [WeightNames.Query(layer)],
        TensorRole.QueryBias => [WeightNames.QueryBias(layer)],
        TensorRole.Key => [WeightNames.Key(layer)],
        TensorRole.KeyBias => [WeightNames.KeyBias(layer)],
        TensorRole.Value => [WeightNames.Value(layer)],
        TensorRole.ValueBias => [WeightNames.ValueBias(layer)],
        TensorRole.QueryKeyValue => [WeightNames.Query(layer), WeightNames.Key(layer), WeightNames.Value(layer)],
        TensorRole.QueryKeyValueBias => [WeightNames.QueryBias(layer), WeightNames.KeyBias(layer), WeightNames.ValueBias(layer)],
        TensorRole.AttentionOutput => [WeightNames.AttentionOutput(layer)],
        TensorRole.AttentionOutputBias => [WeightNames.AttentionOutputBias(layer)],
        TensorRole.QueryNormScale => [WeightNames.QueryNormScale(layer)],
        TensorRole.KeyNormScale => [WeightNames.KeyNormScale(layer)],
        TensorRole.AttentionPostNormScale => [WeightNames.AttentionPostNormScale(layer)],
        TensorRole.AttentionPostNormShift => [WeightNames.AttentionPostNormShift(layer)],
        TensorRole.FeedForwardPostNormScale => [WeightNames.FeedForwardPostNormScale(layer)],
        TensorRole.FeedForwardPostNormShift => [WeightNames.FeedForwardPostNormShift(layer)],
        TensorRole.FeedForwardGate => [WeightNames.FeedForwardGate(layer)],
        TensorRole.FeedForwardGateBias => [WeightNames.FeedForwardGateBias(layer)],
        TensorRole.FeedForwardNormScale => [WeightNames.FeedForwardNormScale(layer)],
        TensorRole.FeedForwardNormShift => [WeightNames.FeedForwardNormShift(layer)],
        TensorRole.FeedForwardIn => [WeightNames.FeedForwardIn(layer)],
        TensorRole.FeedForwardInBias => [WeightNames.FeedForwardInBias(layer)],
        TensorRole.FeedForwardOut => [WeightNames.FeedForwardOut(layer)],
        TensorRole.FeedForwardOutBias => [WeightNames.FeedForwardOutBias(layer)],
        TensorRole.FinalNormScale => [WeightNames.FinalNormScale],
        TensorRole.FinalNormShift => [WeightNames.FinalNormShift],
        TensorRole.Head => [WeightNames.Head],
        TensorRole.Score => [WeightNames.Score],
        TensorRole.ScoreBias => [WeightNames.ScoreBias],
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, $"{role} is not the role of a tensor."),
    };
}
