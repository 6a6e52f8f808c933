using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt.Generation.Sampling;

/// <summary>One uniform number a token, inverted over the weights in the order they come.</summary>
internal sealed class XoshiroDrawer(long seed, int stream) : ITokenDrawer
{
    // Whole blocks are passed over by their sums, so that a vocabulary is not walked token by token.
    private const int BlockLength = 64;

    private readonly Xoshiro256 _random = Xoshiro256.ForStream(seed, stream);
    private double[] _sums = [];

    public int Draw(ReadOnlySpan<int> ids, ReadOnlySpan<double> weights, int vocabularySize)
    {
        int blockCount = (weights.Length + BlockLength - 1) / BlockLength;
        if (_sums.Length < blockCount) _sums = new double[blockCount];
        double total = 0;
        for (int block = 0; block < blockCount; block++) total += _sums[block] = Weights.Sum(Block(weights, block));

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

        // Rounding can leave a trace of the total; it belongs to the last token that can be drawn.
        return weights.LastIndexOfAnyExcept(0.0);
    }

    private static ReadOnlySpan<double> Block(ReadOnlySpan<double> weights, int block) =>
        weights[(block * BlockLength)..Math.Min((block + 1) * BlockLength, weights.Length)];
}
