using TorchSharp;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// The only place that seeds libtorch's global generator. The generator is process-wide: two concurrent runs would draw
/// from each other's numbers.
/// </summary>
internal static class RandomSeed
{
    /// <summary>Seeds the global generator like <c>torch.manual_seed</c>.</summary>
    public static void Set(long seed)
    {
        LibTorch.EnsureLoaded();
        torch.manual_seed(seed);
    }
}
