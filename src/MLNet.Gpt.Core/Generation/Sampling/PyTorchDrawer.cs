using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt.Generation.Sampling;

/// <summary>
/// The draw of <c>torch.multinomial(probabilities, num_samples=1)</c> on a CPU: every token of the vocabulary gets q
/// from the exponential distribution, and the largest p / q wins, the lowest id of equal ones. Source: PyTorch's
/// documentation of the method and its generator's definition.
/// </summary>
/// <remarks>
/// q = −ln(1 − u) in double, rounded to single, where u takes 53 of 64 bits of mt19937; p / q in single precision. A
/// token that cannot be drawn has p = 0 and never wins, but its number is consumed all the same.
/// </remarks>
internal sealed class PyTorchDrawer(long seed) : ITokenDrawer
{
    private readonly MersenneTwister _random = new((uint)seed);

    public int Draw(ReadOnlySpan<int> ids, ReadOnlySpan<double> weights, int vocabularySize)
    {
        double total = 0;
        foreach (double weight in weights) total += weight;

        int best = -1, consumed = 0;
        float bestRatio = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            _random.Skip(2L * (ids[i] - consumed));
            ulong bits = _random.Next64();
            consumed = ids[i] + 1;

            float probability = (float)(weights[i] / total);
            if (probability == 0) continue;
            double uniform = (bits & ((1UL << 53) - 1)) * (1.0 / (1UL << 53));
            float ratio = probability / (float)-Math.Log(1 - uniform);
            if (best >= 0 && !(ratio > bestRatio)) continue;
            (best, bestRatio) = (i, ratio);
        }

        _random.Skip(2L * (vocabularySize - consumed));
        return best;
    }
}
