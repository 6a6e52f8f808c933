using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// Llama 3.1's scaling of rotary frequencies: those whose wavelength is long compared with the context of pretraining
/// are divided by <see cref="Factor"/>, short ones stay, and those in between are interpolated.
/// </summary>
/// <remarks>Source: <c>apply_scaling</c> in Meta's reference implementation of Llama 3.1 (2024).</remarks>
public sealed record Llama3Scaling
{
    /// <summary>The divisor of low frequencies, greater than 0.</summary>
    /// <value>8, as in Llama 3.1; Llama 3.2 has 32.</value>
    public double Factor { get; init => field = Check.Positive(value, nameof(Factor)); } = 8;

    /// <summary>
    /// Wavelengths longer than <see cref="OriginalContextLength"/> divided by this number are scaled. Greater than 0.
    /// </summary>
    /// <value>1.</value>
    public double LowFrequencyFactor { get; init => field = Check.Positive(value, nameof(LowFrequencyFactor)); } = 1;

    /// <summary>
    /// Wavelengths shorter than <see cref="OriginalContextLength"/> divided by this number stay. Greater than
    /// <see cref="LowFrequencyFactor"/>.
    /// </summary>
    /// <value>4.</value>
    public double HighFrequencyFactor { get; init => field = Check.Positive(value, nameof(HighFrequencyFactor)); } = 4;

    /// <summary>The context of pretraining in tokens, at least 1.</summary>
    /// <value>8192.</value>
    public int OriginalContextLength { get; init => field = Check.AtLeast(value, 1, nameof(OriginalContextLength)); } = 8192;

    /// <summary>Returns the scaled frequency, in radians per position.</summary>
    internal double Scale(double frequency)
    {
        double wavelength = 2 * Math.PI / frequency;
        if (wavelength < OriginalContextLength / HighFrequencyFactor) return frequency;
        if (wavelength > OriginalContextLength / LowFrequencyFactor) return frequency / Factor;
        double share = ((OriginalContextLength / wavelength) - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return ((1 - share) * frequency / Factor) + (share * frequency);
    }
}
