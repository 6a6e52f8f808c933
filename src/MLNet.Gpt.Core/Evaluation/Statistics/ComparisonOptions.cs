using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How two models are compared.</summary>
public sealed record ComparisonOptions : BootstrapOptions
{
    /// <summary>
    /// The unit of the losses; <see langword="null"/> for bits per byte, or for nats per token where blocks of tokens are compared.
    /// </summary>
    /// <value><see langword="null"/>.</value>
    public LossUnit? Unit { get; init => field = value is { } unit ? Check.Defined(unit, nameof(Unit)) : null; }
}
