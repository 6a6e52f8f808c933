using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MLNet.Gpt.Numerics.Random;

/// <summary>
/// Philox4x32-10: 128 random bits from a 128-bit counter and a 64-bit key, sixteen counters at a time. There is no state:
/// any number can be computed at any time.
/// </summary>
/// <remarks>Source: Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (2011).</remarks>
internal static class Philox
{
    private const int Rounds = 10;
    private const uint FirstMultiplier = 0xD2511F53, SecondMultiplier = 0xCD9E8D57;
    private const uint FirstWeyl = 0x9E3779B9, SecondWeyl = 0xBB67AE85;

    /// <summary>Replaces sixteen counters, one per lane and of four words each, by their random numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Next(
        ref Vector512<uint> word0, ref Vector512<uint> word1, ref Vector512<uint> word2, ref Vector512<uint> word3, ulong key)
    {
        uint key0 = (uint)key, key1 = (uint)(key >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            Multiply(word0, FirstMultiplier, out var high0, out var low0);
            Multiply(word2, SecondMultiplier, out var high2, out var low2);
            word0 = high2 ^ word1 ^ Vector512.Create(key0);
            word1 = low2;
            word2 = high0 ^ word3 ^ Vector512.Create(key1);
            word3 = low0;
            key0 += FirstWeyl;
            key1 += SecondWeyl;
        }
    }

    // The upper and lower half of 64-bit products: those of the even lanes, and those of the odd ones moved to even places.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply(Vector512<uint> a, uint b, out Vector512<uint> high, out Vector512<uint> low)
    {
        var lowerHalves = Vector512.Create(0x00000000_FFFFFFFFUL);
        Vector512<ulong> even, odd;
        if (Avx512F.IsSupported)
        {
            even = Avx512F.Multiply(a, Vector512.Create(b));
            odd = Avx512F.Multiply((a.AsUInt64() >> 32).AsUInt32(), Vector512.Create(b));
        }
        else
        {
            even = (a.AsUInt64() & lowerHalves) * Vector512.Create((ulong)b);
            odd = (a.AsUInt64() >> 32) * Vector512.Create((ulong)b);
        }

        high = ((even >> 32) | (odd & ~lowerHalves)).AsUInt32();
        low = ((even & lowerHalves) | (odd << 32)).AsUInt32();
    }
}
