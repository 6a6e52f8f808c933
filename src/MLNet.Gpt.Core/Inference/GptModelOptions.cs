using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt;

/// <summary>How a model is stored and run.</summary>
public sealed record GptModelOptions
{
    /// <summary>
    /// The precision of the matrices. The default is the reference for every file, even for one in Q8_0, because
    /// <see cref="WeightPrecision.Int8"/> also rounds activations, which changes figures and has to be chosen.
    /// </summary>
    /// <value><see cref="WeightPrecision.Float32"/>.</value>
    public WeightPrecision Precision { get; init => field = Check.Defined(value, nameof(Precision)); } = WeightPrecision.Float32;

    /// <summary>
    /// Threads that work on one call, including the calling one; at least 1. At most four per processor are used, so
    /// that a setting from a larger machine does no harm.
    /// </summary>
    /// <value><see langword="null"/>: as many as the machine has processors.</value>
    public int? ThreadCount { get; init => field = Check.AtLeast(value, 1, nameof(ThreadCount)); }

    /// <summary>Threads that work on one call, including the calling one.</summary>
    internal int WorkingThreads => Math.Min(ThreadCount ?? Environment.ProcessorCount, WorkerTeam.MostThreads);
}
