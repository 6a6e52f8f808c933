using TorchSharp;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// The one place that seeds libtorch's global generator. The generator is process-wide: two runs at the same time would
/// draw from each other's numbers.
/// </summary>
internal static class RandomSeed
{
    /// <summary>Seeds the global generator as <c>torch.manual_seed</c> does.</summary>
    public static void Set(long seed)
    {
        LibTorch.EnsureLoaded();
        torch.manual_seed(seed);
    }
}
