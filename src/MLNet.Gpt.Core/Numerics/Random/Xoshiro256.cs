using System.Numerics;

namespace MLNet.Gpt.Numerics.Random;

/// <summary>
/// The generator xoshiro256** 1.0: 256 bits of state, period 2^256 − 1. Source: Blackman and Vigna, "Scrambled Linear
/// Pseudorandom Number Generators" (2018), and its companion for seeding, SplitMix64.
/// </summary>
internal sealed class Xoshiro256
{
    private ulong _s0, _s1, _s2, _s3;

    public Xoshiro256(ulong s0, ulong s1, ulong s2, ulong s3) => (_s0, _s1, _s2, _s3) = (s0, s1, s2, s3);

    /// <summary>Returns the generator for a seed's n-th stream.</summary>
    public static Xoshiro256 ForStream(long seed, int stream)
    {
        // The seed is mixed before the stream's number is added: streams of adjacent seeds do not overlap.
        ulong mixed = new SplitMix64((ulong)seed).Next() + (ulong)stream;
        var words = new SplitMix64(new SplitMix64(mixed).Next());
        return new(words.Next(), words.Next(), words.Next(), words.Next());
    }

    /// <summary>Returns 64 random bits.</summary>
    public ulong Next()
    {
        ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        ulong t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>Returns a number that is uniform in [0, 1) and a multiple of 2^-53.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));
}
