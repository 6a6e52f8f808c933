using TorchSharp;

namespace MLNet.Gpt.TorchSharp;

/// <summary>The native library that TorchSharp runs on: loads it, and sets how many threads it uses.</summary>
/// <remarks>
/// Nothing here runs, and no library is loaded, before a program first uses a type of this package that needs libtorch.
/// </remarks>
public static class LibTorch
{
    private static readonly Lock Loading = new();
    private static volatile bool _isLoaded;
    private static volatile int _threadCount; // 0 if libtorch chooses

    /// <summary>
    /// Loads libtorch if it is not loaded yet. Every type of this package that needs libtorch calls this first. A
    /// program that uses TorchSharp's own types before any of these should call it at startup: on a system whose
    /// libstdc++ is older than TorchSharp requires, TorchSharp cannot load by itself.
    /// </summary>
    /// <remarks>
    /// While libtorch loads, the environment variable <c>OMP_WAIT_POLICY</c> is <c>PASSIVE</c> for native code, unless
    /// it or <c>GOMP_SPINCOUNT</c> is already set, so that waiting threads sleep. It is removed again before this
    /// returns.
    /// </remarks>
    /// <exception cref="LibTorchUnavailableException">
    /// It cannot be loaded; the message says what is missing and how to get it.
    /// </exception>
    public static void EnsureLoaded()
    {
        if (!_isLoaded) Load(portable: false);
    }

    /// <summary>
    /// Loads libtorch with its kernels for any processor instead of those for this processor's widest vectors, and
    /// restricts MKL, which computes its matrix products, to AVX2. This is slower, but the last printed digit then does
    /// not depend on the width of the machine's vectors. Must be called before anything else uses libtorch.
    /// </summary>
    /// <remarks>
    /// Both read the choice from environment variables (<c>ATEN_CPU_CAPABILITY</c>, <c>MKL_CBWR</c>), once. They are
    /// set for native code only, and are restored before this returns. If <c>MKL_CBWR</c> is already set, it is left
    /// alone.
    /// </remarks>
    /// <exception cref="InvalidOperationException">libtorch is already loaded.</exception>
    /// <exception cref="LibTorchUnavailableException">
    /// It cannot be loaded; the message says what is missing and how to get it.
    /// </exception>
    public static void UsePortableKernels()
    {
        Load(portable: true);
    }

    /// <summary>Threads that one operation may use, in the whole process; at least 1.</summary>
    /// <value>As many as libtorch chooses: the machine's cores.</value>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
    /// <exception cref="LibTorchUnavailableException">libtorch cannot be loaded here.</exception>
    public static int ThreadCount
    {
        get
        {
            EnsureLoaded();
            return torch.get_num_threads();
        }

        set
        {
            Configuration.Check.AtLeast(value, 1, nameof(ThreadCount));
            EnsureLoaded();
            torch.set_num_threads(value);
            _threadCount = value;
        }
    }

    /// <summary>
    /// Applies <see cref="ThreadCount"/> to the calling thread. A thread that has used libtorch before keeps its first
    /// number, because OpenMP has one per thread.
    /// </summary>
    internal static void ApplyThreadCount()
    {
        if (_threadCount > 0) torch.set_num_threads(_threadCount);
    }

    private static void Load(bool portable)
    {
        lock (Loading)
        {
            if (_isLoaded)
            {
                if (!portable) return;
                throw new InvalidOperationException("libtorch is already loaded and has chosen its kernels; call this first.");
            }

            LibTorchHook.Subscribe();
            using var environment = PrepareEnvironment(portable);
            try
            {
                torch.InitializeDeviceType(DeviceType.CPU);
                torch.get_num_threads(); // OpenMP has read its variables by now, on Windows and macOS too
                if (portable) ChooseKernels();
                _isLoaded = true;
            }
            catch (Exception e)
            {
                throw new LibTorchUnavailableException(LibTorchHook.Failure?.Message ?? Describe(e), e);
            }
        }
    }

    // TorchSharp reports a missing library in several ways, some of them through type initializers, which run only once.
    private static string Describe(Exception failure) => OperatingSystem.IsLinux() && failure is TypeInitializationException
        ? $"TorchSharp was used before {nameof(LibTorch)}.{nameof(EnsureLoaded)} was called, and could not load libtorch by itself. "
            + $"Call {nameof(LibTorch)}.{nameof(EnsureLoaded)}() at the start of the program."
        : $"libtorch cannot be loaded: {failure.GetBaseException().Message} Add the package TorchSharp-cpu to the program that runs.";

    // OpenMP's threads spin between two operations. On a machine with other work, a spinning thread delays the one that
    // it waits for: with one busy core, training fell from 1,067 to 133 tokens/s.
    private static NativeEnvironment PrepareEnvironment(bool portable)
    {
        var environment = new NativeEnvironment();
        bool isChosen = NativeEnvironment.Has("OMP_WAIT_POLICY") || NativeEnvironment.Has("GOMP_SPINCOUNT");
        if (!isChosen) environment.Set("OMP_WAIT_POLICY", "PASSIVE");
        if (!portable) return environment;
        environment.Set("ATEN_CPU_CAPABILITY", "default");

        // Conditional numerical reproducibility: the order in which MKL sums a product.
        if (!NativeEnvironment.Has("MKL_CBWR")) environment.Set("MKL_CBWR", "AVX2");
        return environment;
    }

    // ATen and MKL read their variables at the first operation.
    private static void ChooseKernels()
    {
        using var ones = torch.ones(64, 64);
        using var sum = ones + ones;
        using var product = ones.matmul(ones);
        using var exponentials = ones.exp();
    }
}
