namespace MLNet.Gpt.Numerics.Random;

/// <summary>
/// The generator mt19937, which PyTorch uses on a CPU. Source: Matsumoto and Nishimura, "Mersenne Twister" (1998),
/// with the initialization of 2002.
/// </summary>
internal sealed class MersenneTwister
{
    private const int Size = 624;
    private const int Shift = 397;
    private readonly uint[] _state = new uint[Size];
    private int _next = Size;

    public MersenneTwister(uint seed)
    {
        _state[0] = seed;
        for (uint i = 1; i < Size; i++) _state[i] = (1812433253 * (_state[i - 1] ^ (_state[i - 1] >> 30))) + i;
    }

    public uint Next()
    {
        if (_next == Size) Twist();
        uint y = _state[_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C5680;
        y ^= (y << 15) & 0xEFC60000;
        return y ^ (y >> 18);
    }

    /// <summary>Returns two numbers as one, the first in the upper half; PyTorch draws doubles from these.</summary>
    public ulong Next64() => ((ulong)Next() << 32) | Next();

    /// <summary>Skips a number of 32-bit numbers.</summary>
    public void Skip(long count)
    {
        while (count > Size - _next)
        {
            count -= Size - _next;
            Twist();
        }

        _next += (int)count;
    }

    private void Twist()
    {
        uint[] s = _state;
        int i = 0;
        for (; i < Size - Shift; i++) s[i] = s[i + Shift] ^ Mix(s[i], s[i + 1]);
        for (; i < Size - 1; i++) s[i] = s[i + Shift - Size] ^ Mix(s[i], s[i + 1]);
        s[i] = s[i + Shift - Size] ^ Mix(s[i], s[0]);
        _next = 0;
    }

    private static uint Mix(uint high, uint low)
    {
        uint y = (high & 0x80000000) | (low & 0x7FFFFFFF);
        return (y >> 1) ^ ((y & 1) * 0x9908B0DF);
    }
}
