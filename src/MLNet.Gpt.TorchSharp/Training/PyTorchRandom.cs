using TorchSharp;

namespace MLNet.Gpt.TorchSharp;

/// <summary>Draws the same random numbers as PyTorch's samplers.</summary>
internal static class PyTorchRandom
{
    /// <summary>
    /// Draws a seed from libtorch's global generator: <c>torch.empty((), dtype=torch.int64).random_().item()</c>.
    /// </summary>
    public static long DrawSeed()
    {
        // random_() keeps the low 63 of 64 bits. The widest possible randint gives all 64, minus its lower bound.
        using var drawn = torch.randint(long.MinValue, long.MaxValue, 1, torch.ScalarType.Int64);
        return unchecked(drawn.item<long>() - long.MinValue) & long.MaxValue;
    }

    /// <summary>
    /// Returns 0 … n − 1 in an order drawn from a separate generator: <c>torch.randperm(n, generator=…)</c>.
    /// </summary>
    public static int[] Permutation(int count, long seed)
    {
        using var generator = new torch.Generator();
        generator.manual_seed(seed);
        using var order = torch.randperm(count, torch.ScalarType.Int64, generator: generator);
        return [.. order.data<long>().ToArray().Select(index => (int)index)];
    }
}
