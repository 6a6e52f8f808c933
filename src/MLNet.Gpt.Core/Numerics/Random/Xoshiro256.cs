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

    /// <summary>The generator of a seed's n-th stream.</summary>
    public static Xoshiro256 ForStream(long seed, int stream)
    {
        // The seed is mixed before the stream's number is added: streams of neighbouring seeds do not meet.
        ulong state = (ulong)seed;
        state = SplitMix64(ref state) + (ulong)stream;
        state = SplitMix64(ref state);
        return new(SplitMix64(ref state), SplitMix64(ref state), SplitMix64(ref state), SplitMix64(ref state));
    }

    public static ulong SplitMix64(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

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

    /// <summary>Uniform in [0, 1): a multiple of 2^-53.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));
}
