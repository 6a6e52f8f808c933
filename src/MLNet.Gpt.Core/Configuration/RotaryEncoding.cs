using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// Rotary position encoding: queries and keys are rotated by angles that grow with their position. Components i and
/// i + hs / 2 of a head form a pair, which turns by position × frequency i.
/// </summary>
/// <remarks>
/// Frequency i is <see cref="Base"/>^(−2i / hs). Files in which neighbors form a pair, as in GGUF's architecture llama,
/// are converted while they are read. Source: Su et al., "RoFormer" (2021).
/// </remarks>
public sealed record RotaryEncoding
{
    /// <summary>The base of the frequencies, greater than 1.</summary>
    /// <value>10000, as in the paper.</value>
    public double Base { get; init => field = Check.Above(value, 1, nameof(Base)); } = 10000;

    /// <summary>
    /// The base in layers that have a sliding window, greater than 1; their frequencies are not scaled.
    /// </summary>
    /// <value><see langword="null"/>: the same as in other layers. Gemma 3 has 10000 here and 1,000,000 elsewhere.</value>
    public double? SlidingBase
    {
        get;
        init => field = value is { } given ? Check.Above(given, 1, nameof(SlidingBase)) : null;
    }

    /// <summary>All frequencies are divided by this number, greater than 0, which extends the context.</summary>
    /// <value>1.</value>
    public double LinearFactor { get; init => field = Check.Positive(value, nameof(LinearFactor)); } = 1;

    /// <summary>Llama 3's scaling of the low frequencies, which extends the context.</summary>
    /// <value><see langword="null"/>: none.</value>
    public Llama3Scaling? Llama3 { get; init; }

    /// <summary>Returns the frequency of each pair of a head, in radians per position, (hs / 2).</summary>
    /// <param name="headSize">Width of a head, hs; even.</param>
    /// <param name="isSliding">Whether the layer has a sliding window, so that <see cref="SlidingBase"/> applies.</param>
    internal double[] Frequencies(int headSize, bool isSliding)
    {
        bool isLocal = isSliding && SlidingBase is not null;
        double[] frequencies = new double[headSize / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            double frequency = Math.Pow(isLocal ? SlidingBase!.Value : Base, -2.0 * i / headSize);
            frequencies[i] = isLocal ? frequency : Llama3?.Scale(frequency) ?? (frequency / LinearFactor);
        }

        return frequencies;
    }
}
