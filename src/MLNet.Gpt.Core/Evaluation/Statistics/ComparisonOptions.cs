using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How two models are compared.</summary>
public sealed record ComparisonOptions
{
    /// <summary>The unit of the losses.</summary>
    /// <value><see cref="LossUnit.BitsPerByte"/>.</value>
    public LossUnit Unit { get; init => field = Check.Defined(value, nameof(Unit)); } = LossUnit.BitsPerByte;

    /// <summary>The fraction of the resamples that the interval contains; above 0 and below 1.</summary>
    /// <value>0.95.</value>
    public double Confidence
    {
        get;
        init => field = value is > 0 and < 1 ? value : throw Check.OutOfRange(nameof(Confidence), value, "above 0 and below 1");
    } = 0.95;

    /// <summary>The number of bootstrap resamples; at least 100.</summary>
    /// <value>10,000.</value>
    public int ResampleCount { get; init => field = Check.AtLeast(value, 100, nameof(ResampleCount)); } = 10_000;

    /// <summary>The seed of the resampling: the same seed gives the same interval on every machine.</summary>
    /// <value>1.</value>
    public long Seed { get; init; } = 1;
}
