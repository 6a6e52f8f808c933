using TorchSharp;

namespace MLNet.Gpt.Runtime;

/// <summary>The native library that training runs on: whether it is there, and how many threads it uses.</summary>
public static class LibTorch
{
    private static volatile bool _loaded;

    /// <summary>Loads libtorch if it is not loaded yet. Everything here that needs it calls this first.</summary>
    /// <exception cref="LibTorchUnavailableException">It cannot be loaded; the message says what is missing and how to get it.</exception>
    public static void EnsureLoaded()
    {
        if (_loaded) return;
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
}
