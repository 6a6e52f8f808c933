using TorchSharp;

namespace MLNet.Gpt.TorchSharp;

/// <summary>The native library that training runs on: whether it is there, and how many threads it uses.</summary>
public static class LibTorch
{
    private static volatile bool _loaded;

    /// <summary>Loads libtorch if it is not loaded yet. Everything here that needs it calls this first.</summary>
    /// <exception cref="LibTorchUnavailableException">It cannot be loaded; the message says what is missing and how to get it.</exception>
    public static void EnsureLoaded()
    {
        if (_loaded) return;
        LetWaitingThreadsSleep();
        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
            _loaded = true;
        }
        catch (Exception e)
        {
            // TorchSharp reports a library that is missing in several ways, in part through type initialisers.
            throw LibTorchHook.Failure is { } known
                ? new LibTorchUnavailableException(known.Message, e)
                : new LibTorchUnavailableException(
                    $"libtorch cannot be loaded: {e.GetBaseException().Message} Add the package TorchSharp-cpu to the program that runs.", e);
        }
    }

    /// <summary>
    /// Has libtorch use the kernels that it has for every processor, rather than those for this one's widest vectors,
    /// and has MKL, which computes its matrix products, keep to AVX2. Slower, but a last printed digit then does not
    /// depend on the width of a machine's vectors. A choice that <c>MKL_CBWR</c> makes already stands. Must be called
    /// before libtorch is first used.
    /// </summary>
    /// <exception cref="InvalidOperationException">libtorch is loaded already.</exception>
    public static void UsePortableKernels()
    {
        if (_loaded) throw new InvalidOperationException("libtorch is loaded and has chosen its kernels; call this before its first use.");
        NativeEnvironment.Set("ATEN_CPU_CAPABILITY", "default");
        const string MklBranch = "MKL_CBWR"; // conditional numerical reproducibility: the order of a product's sums
        if (Environment.GetEnvironmentVariable(MklBranch) is null) NativeEnvironment.Set(MklBranch, "AVX2");
    }

    /// <summary>Threads that one operation may use, in the whole process; at least 1.</summary>
    /// <value>As many as libtorch chooses: the machine's cores.</value>
    public static int ThreadCount
    {
        get
        {
            EnsureLoaded();
            return torch.get_num_threads();
        }

        set
        {
            if (value < 1) throw new ArgumentOutOfRangeException(nameof(value), value, $"{nameof(ThreadCount)} is {value}; it must be at least 1.");
            EnsureLoaded();
            torch.set_num_threads(value);
        }
    }

    // OpenMP's threads spin between two operations, and on a machine with other work a thread that spins holds back the one that it waits
    // for: beside one busy core training fell from 1,067 to 133 tokens/s. Read when libtorch is loaded; a user's own choice stands.
    private static void LetWaitingThreadsSleep()
    {
        const string Policy = "OMP_WAIT_POLICY";
        if (Environment.GetEnvironmentVariable(Policy) is null && Environment.GetEnvironmentVariable("GOMP_SPINCOUNT") is null) NativeEnvironment.Set(Policy, "PASSIVE");
    }
}
