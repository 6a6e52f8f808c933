namespace MLNet.Gpt.Network;

/// <summary>The weights of one transformer block.</summary>
/// <param name="NormScale1">Scale of the norm before attention, (C).</param>
/// <param name="NormShift1">Its shift.</param>
/// <param name="QueryKeyValue">The three projections, (3 C, C).</param>
/// <param name="QueryKeyValueBias">Their biases, (3 C); none without query-key-value bias.</param>
/// <param name="Output">Attention's output projection, (C, C).</param>
/// <param name="OutputBias">(C).</param>
/// <param name="NormScale2">Scale of the norm before the feed-forward layer, (C).</param>
/// <param name="NormShift2">Its shift.</param>
/// <param name="FeedForwardIn">(4 C, C).</param>
/// <param name="FeedForwardInBias">(4 C).</param>
/// <param name="FeedForwardOut">(C, 4 C).</param>
/// <param name="FeedForwardOutBias">(C).</param>
internal sealed record BlockParameters(
    ParameterGroup NormScale1,
    ParameterGroup NormShift1,
    ParameterGroup QueryKeyValue,
    ParameterGroup QueryKeyValueBias,
    ParameterGroup Output,
    ParameterGroup OutputBias,
    ParameterGroup NormScale2,
    ParameterGroup NormShift2,
    ParameterGroup FeedForwardIn,
    ParameterGroup FeedForwardInBias,
    ParameterGroup FeedForwardOut,
    ParameterGroup FeedForwardOutBias);
