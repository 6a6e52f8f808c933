using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How two models are compared.</summary>
public sealed record ComparisonOptions
{
    // 8 bytes each.
    private const int MostResamples = 100_000_000;

    /// <summary>
    /// The unit of the losses; <see langword="null"/> for bits per byte, or for nats per token where blocks of tokens are compared.
    /// </summary>
    /// <value><see langword="null"/>.</value>
    public LossUnit? Unit { get; init => field = value is { } unit ? Check.Defined(unit, nameof(Unit)) : null; }

    /// <summary>The fraction of the resamples that the interval contains; above 0 and below 1.</summary>
    /// <value>0.95.</value>
    public double Confidence { get; init => field = Check.Fraction(value, nameof(Confidence)); } = 0.95;

    /// <summary>The number of bootstrap resamples, from 100 to 100,000,000; each takes 8 bytes.</summary>
    /// <value>10,000.</value>
    public int ResampleCount { get; init => field = Check.Between(value, 100, MostResamples, nameof(ResampleCount)); } = 10_000;

    /// <summary>The seed of the resampling: the same seed gives the same interval on every machine.</summary>
    /// <value>1.</value>
    public long Seed { get; init; } = 1;
}
