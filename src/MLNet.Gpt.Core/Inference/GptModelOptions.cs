using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt;

/// <summary>How a model is held and run.</summary>
public sealed record GptModelOptions
{
    /// <summary>
    /// The precision of the matrices. The default is the reference for every file, also for one in Q8_0, because
    /// <see cref="WeightPrecision.Int8"/> rounds activations too: it is a choice, and figures do not change without it.
    /// </summary>
    /// <value><see cref="WeightPrecision.Float32"/>.</value>
    public WeightPrecision Precision { get; init => field = Check.Defined(value, nameof(Precision)); } = WeightPrecision.Float32;

    /// <summary>
    /// Threads that work on one call, including the calling one; at least 1. At most four per processor of the machine are
    /// used, so that a setting from a larger machine does no harm.
    /// </summary>
    /// <value><see langword="null"/>: as many as the machine has processors.</value>
    public int? ThreadCount { get; init => field = Check.AtLeast(value, 1, nameof(ThreadCount)); }

    /// <summary>Threads that work on one call, including the calling one.</summary>
    internal int WorkingThreads => Math.Min(ThreadCount ?? Environment.ProcessorCount, WorkerTeam.MostThreads);
}
