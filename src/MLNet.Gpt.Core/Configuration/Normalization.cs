namespace MLNet.Gpt;

/// <summary>How the residual stream is normalized before attention, feed-forward and head.</summary>
public enum Normalization
{
    /// <summary>
    /// Layer normalization: subtracts the mean, divides by the standard deviation, then scales and shifts. As in GPT-2.
    /// Source: Ba, Kiros and Hinton, "Layer Normalization" (2016).
    /// </summary>
    LayerNorm,

    /// <summary>
    /// Root mean square normalization: divides by the root of the mean square, then scales. As in Llama.
    /// Source: Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).
    /// </summary>
    RmsNorm,
}
