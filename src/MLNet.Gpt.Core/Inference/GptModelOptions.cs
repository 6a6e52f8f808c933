using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How a model is held and run.</summary>
public sealed record GptModelOptions
{
    /// <summary>The precision of the matrices.</summary>
    /// <value><see cref="WeightPrecision.Float32"/>.</value>
    public WeightPrecision Precision { get; init => field = Check.Defined(value, nameof(Precision)); } = WeightPrecision.Float32;

    /// <summary>
    /// Threads that work on one call, the calling one among them; at least 1. More than four times the machine's
    /// processors count as that many, so that a setting that comes from another machine starts no more.
    /// </summary>
    /// <value><see langword="null"/>: as many as the machine has processors.</value>
    public int? ThreadCount { get; init => field = Check.AtLeast(value, 1, nameof(ThreadCount)); }
}
