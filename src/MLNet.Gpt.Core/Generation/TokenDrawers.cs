using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Random;
using MLNet.Gpt.Numerics.Softmax;

namespace MLNet.Gpt.Generation;

/// <summary>Draws tokens by their weights with its own random generator.</summary>
internal abstract class TokenDrawer
{
    /// <summary>Creates the drawer of one sample.</summary>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="seed">The seed of the generation.</param>
    /// <param name="sample">The index of the prompt's sample.</param>
    public static TokenDrawer Create(RandomAlgorithm algorithm, long seed, int sample) => algorithm switch
    {
        RandomAlgorithm.PyTorch => new PyTorchDrawer(unchecked(seed + sample)),
        RandomAlgorithm.Xoshiro256 => new XoshiroDrawer(seed, sample),
        _ => throw Check.Undefined(algorithm, nameof(algorithm)),
    };

    /// <summary>Draws a token and returns its index in <paramref name="ids"/>; its weight is not 0.</summary>
    /// <param name="ids">The ids that can be drawn, in ascending order; at least one.</param>
    /// <param name="weights">The unnormalized probability of each; none above 1, at least one of them 1.</param>
    /// <param name="vocabularySize">The number of all ids.</param>
    public abstract int Draw(ReadOnlySpan<int> ids, ReadOnlySpan<double> weights, int vocabularySize);
}

/// <summary>
/// Draws as <c>torch.multinomial(probabilities, num_samples=1)</c> does on a CPU: every token of the vocabulary gets a
/// number q from the exponential distribution, and the largest p / q wins, the lowest id among equal ones. Source:
/// PyTorch's documentation of the method and the definition of its generator.
/// </summary>
/// <remarks>
/// q = −ln(1 − u) in double, rounded to single, where u has 53 of 64 bits of mt19937; p / q in single precision. A
/// token that cannot be drawn has p = 0 and never wins, but still consumes a number.
/// </remarks>
internal sealed class PyTorchDrawer(long seed) : TokenDrawer
{
    private readonly MersenneTwister _random = new((uint)seed);

    public override int Draw(ReadOnlySpan<int> ids, ReadOnlySpan<double> weights, int vocabularySize)
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

/// <summary>Draws with one uniform number per token, by the cumulative sums of the weights in their order.</summary>
internal sealed class XoshiroDrawer(long seed, int stream) : TokenDrawer
{
    // Whole blocks are skipped by their sums, to avoid walking the vocabulary token by token.
    private const int BlockLength = 64;

    private readonly Xoshiro256 _random = Xoshiro256.ForStream(seed, stream);
    private double[] _sums = [];

    public override int Draw(ReadOnlySpan<int> ids, ReadOnlySpan<double> weights, int vocabularySize)
    {
        int blockCount = (weights.Length + BlockLength - 1) / BlockLength;
        if (_sums.Length < blockCount) _sums = new double[blockCount];
        double total = 0;
        for (int block = 0; block < blockCount; block++) total += _sums[block] = SoftmaxWeights.Sum(Block(weights, block));

        double left = _random.NextDouble() * total;
        for (int block = 0; block < blockCount; block++)
        {
            if (left >= _sums[block])
            {
                left -= _sums[block];
                continue;
            }

            var candidates = Block(weights, block);
            for (int i = 0; i < candidates.Length; i++)
            {
                left -= candidates[i];
                if (left < 0 && candidates[i] > 0) return (block * BlockLength) + i;
            }
        }

        // Rounding can leave a small rest of the total; it belongs to the last token that can be drawn.
        return weights.LastIndexOfAnyExcept(0.0);
    }

    private static ReadOnlySpan<double> Block(ReadOnlySpan<double> weights, int block) =>
        weights[(block * BlockLength)..Math.Min((block + 1) * BlockLength, weights.Length)];
}
