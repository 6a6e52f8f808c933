using TorchSharp;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// The one place where libtorch's global generator is seeded: at the start of a run. It is process-wide: of two runs at the same time,
/// each would draw from what the other seeded.
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
