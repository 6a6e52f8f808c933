namespace MLNet.Gpt.Numerics.Random;

/// <summary>A small generator of random numbers whose sequence is the same on every machine and version of .NET.</summary>
/// <remarks>Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014), with Vigna's constants.</remarks>
internal struct SplitMix64(ulong seed)
{
    private const ulong GoldenGamma = 0x9E37_79B9_7F4A_7C15;
    private ulong _state = seed;

    public ulong Next() => Mix(_state += GoldenGamma);

    /// <summary>Returns a number from 0 to <paramref name="limit"/> − 1, all equally likely.</summary>
    /// <remarks>Source: Lemire, "Fast Random Integer Generation in an Interval" (2019).</remarks>
    public int NextBelow(int limit)
    {
        ulong bound = (ulong)limit, high = Math.BigMul(Next(), bound, out ulong low);
        if (low < bound)
        {
            for (ulong threshold = (0 - bound) % bound; low < threshold;) high = Math.BigMul(Next(), bound, out low);
        }

        return (int)high;
    }

    /// <summary>Shuffles the items; all orders are equally likely.</summary>
    /// <remarks>Source: Fisher and Yates, in the form of Durstenfeld, "Algorithm 235: Random permutation" (1964).</remarks>
    public void Shuffle(Span<int> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = NextBelow(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>Returns a separate generator for a numbered part of the work; this one does not advance.</summary>
    public readonly SplitMix64 Fork(ulong number) => new(Mix(_state ^ Mix(number + GoldenGamma)));

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }
}
