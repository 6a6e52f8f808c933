using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How an interval is computed by resampling.</summary>
public record BootstrapOptions
{
    // 8 bytes each.
    private const int MostResamples = 100_000_000;

    /// <summary>The confidence of the interval; above 0 and below 1.</summary>
    /// <value>0.95.</value>
    public double Confidence { get; init => field = Check.Fraction(value, nameof(Confidence)); } = Estimate.DefaultConfidence;

    /// <summary>The number of resamples, from 100 to 100,000,000; each takes 8 bytes for each figure.</summary>
    /// <value>10,000.</value>
    public int ResampleCount { get; init => field = Check.Between(value, 100, MostResamples, nameof(ResampleCount)); } = 10_000;

    /// <summary>The seed of the resampling: the same seed gives the same interval on every machine.</summary>
    /// <value>1.</value>
    public long Seed { get; init; } = 1;
}
