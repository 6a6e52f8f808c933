namespace MLNet.Gpt.Generation;

/// <summary>One uniform number a token, inverted over the weights in the order they come.</summary>
internal sealed class XoshiroDrawer(long seed, int stream) : ITokenDrawer
{
    private readonly Xoshiro256 _random = Xoshiro256.ForStream(seed, stream);

    public int Draw(ReadOnlySpan<int> ids, ReadOnlySpan<double> weights, int vocabularySize)
    {
        double total = 0;
        foreach (double weight in weights) total += weight;

        double left = _random.NextDouble() * total;
        int last = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] == 0) continue;
            last = i;
            left -= weights[i];
            if (left < 0) return i;
        }

        return last; // Rounding in the subtractions can leave a trace of the total.
    }
}
