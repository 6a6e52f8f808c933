using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNet.Gpt.Hosting;

/// <summary>Settings of an <see cref="MLContext"/> that its components follow.</summary>
internal static class HostSettings
{
    /// <summary>The seed that the context was created with; <see langword="null"/> if there was none.</summary>
    public static int? Seed(this IHostEnvironment environment) => (environment as IHostEnvironmentInternal)?.Seed;

    /// <summary>
    /// The seed of a training run: the trainer's own, else that of the training options, if it is set, else the context's.
    /// </summary>
    public static long TrainingSeed(this IHostEnvironment environment, long? own, TrainingOptions training) =>
        own ?? (training.IsSeedSet ? null : environment.Seed()) ?? training.Seed;

    /// <summary>The folder for temporary files; <see langword="null"/> for the system's.</summary>
    public static string? TemporaryFolder(this IHostEnvironment? environment) =>
        (environment as IHostEnvironmentInternal)?.TempFilePath is { Length: > 0 } path ? path : null;

    /// <summary>
    /// Registers a component without drawing from the context's random numbers, so that those of other components do
    /// not change.
    /// </summary>
    public static IHost RegisterQuietly(this IHostEnvironment environment, string name) => environment.Register(name, seed: 0);

    /// <summary>
    /// Checks the context's choice of a GPU for a component that runs on the CPU only: logs the fallback, or throws if
    /// it is not allowed.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// A GPU is requested and falling back to the CPU is not allowed.
    /// </exception>
    public static void RequireCpu(this IHostEnvironment environment, string component)
    {
        if (environment is not IHostEnvironmentInternal { GpuDeviceId: { } device } settings) return;
        string problem = $"MLContext.GpuDeviceId is {device}, but {component} runs on the CPU only";
        if (!settings.FallbackToCpu) throw new InvalidOperationException($"{problem}; leave GpuDeviceId unset, or set FallbackToCpu.");
        using var channel = environment.Start(component);
        channel.Warning($"{problem}; it falls back to the CPU.");
    }
}
