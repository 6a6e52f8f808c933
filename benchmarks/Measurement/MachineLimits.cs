using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Benchmarks.Measurement;

/// <summary>
/// The limits of this machine: how fast all cores together read memory, and how fast they multiply and add on
/// registers. Shared machines swing by a factor of two within seconds, so the passes are best run as contenders beside
/// what they limit.
/// </summary>
internal static unsafe class MachineLimits
{
    /// <summary>Floating-point operations of <see cref="MultiplyAddPass"/>.</summary>
    public static double MultiplyAddsOfAPass => 2.0 * Threads * RoundsPerPass * Chains * Lanes;

    /// <summary>Bytes of <see cref="ReadPass"/>.</summary>
    public static double BytesOfAPass => (double)Threads * BytesPerThread;

    /// <summary>Bits of the registers on which <see cref="MultiplyAddPass"/> runs.</summary>
    public static int RegisterBits => 32 * Lanes;

    // As many sums as 16 registers hold beside the two factors: with more, sums would be stored and loaded in every round,
    // and with fewer than 8 (two units × a latency of four cycles), the units would wait.
    private const int Chains = 14;
    private const int RoundsPerPass = 20_000_000;

    // Reading several places at once is faster than one, and several sums per place keep additions from being the limit.
    private const int Streams = 4;
    private const long BytesPerThread = 256L << 20; // no cache holds it

    private static readonly int Threads = Environment.ProcessorCount;
    private static readonly int Lanes = Vector512.IsHardwareAccelerated ? Vector512<float>.Count : Vector256<float>.Count;
    private static readonly Lazy<NativeArena> Memory = new(AllocateMemory);

    /// <summary>Returns the bytes per second that all cores together read from memory: the best of several passes.</summary>
    public static double ReadBandwidth() => BytesOfAPass / Enumerable.Range(0, 7).Min(_ => Comparison.Seconds(ReadPass));

    /// <summary>Returns the floating-point operations per second of fused multiply-adds on registers: the best of several passes.</summary>
    public static double MultiplyAddRate() => MultiplyAddsOfAPass / Enumerable.Range(0, 5).Min(_ => Comparison.Seconds(MultiplyAddPass));

    /// <summary>Runs one pass of fused multiply-adds on registers, on all cores.</summary>
    public static void MultiplyAddPass() => OnAllCores(_ =>
    {
        if (Vector512.IsHardwareAccelerated) MultiplyAdd<Simd512, Vector512<float>>();
        else MultiplyAdd<Simd256, Vector256<float>>();
    });

    /// <summary>Reads memory once, each core its own.</summary>
    public static void ReadPass()
    {
        float* memory = (float*)Memory.Value.At(0);
        OnAllCores(core =>
        {
            float* own = memory + (core * (BytesPerThread / sizeof(float)));
            if (Vector512.IsHardwareAccelerated) Read<Simd512, Vector512<float>>(own);
            else Read<Simd256, Vector256<float>>(own);
        });
    }

    private static void OnAllCores(Action<int> work)
    {
        Thread[] others = [.. Enumerable.Range(1, Threads - 1).Select(core => new Thread(() => work(core)))];
        foreach (var other in others) other.Start();
        work(0);
        foreach (var other in others) other.Join();
    }

    private static NativeArena AllocateMemory()
    {
        var memory = new NativeArena("the memory that is read");
        memory.Reserve(Threads * BytesPerThread);
        memory.Allocate();
        for (int core = 0; core < Threads; core++) new Span<byte>(memory.At(core * BytesPerThread), (int)BytesPerThread).Fill(1);
        return memory;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static TVector Read<TSimd, TVector>(float* memory)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        const long Length = BytesPerThread / sizeof(float) / Streams;
        TVector one = TSimd.Broadcast(1), a = TSimd.Zero, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        for (float* p = memory; p < memory + Length; p += 2 * TSimd.Lanes)
        {
            a = TSimd.MultiplyAdd(TSimd.Load(p), one, a);
            b = TSimd.MultiplyAdd(TSimd.Load(p + TSimd.Lanes), one, b);
            c = TSimd.MultiplyAdd(TSimd.Load(p + Length), one, c);
            d = TSimd.MultiplyAdd(TSimd.Load(p + Length + TSimd.Lanes), one, d);
            e = TSimd.MultiplyAdd(TSimd.Load(p + (2 * Length)), one, e);
            f = TSimd.MultiplyAdd(TSimd.Load(p + (2 * Length) + TSimd.Lanes), one, f);
            g = TSimd.MultiplyAdd(TSimd.Load(p + (3 * Length)), one, g);
            h = TSimd.MultiplyAdd(TSimd.Load(p + (3 * Length) + TSimd.Lanes), one, h);
        }

        var first = Product<TSimd, TVector>(a, b, c, d);
        return Product<TSimd, TVector>(first, first, Product<TSimd, TVector>(e, f, g, h), first);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static TVector MultiplyAdd<TSimd, TVector>()
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        TVector x = TSimd.Broadcast(0.999f), y = TSimd.Broadcast(1e-9f);
        TVector a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x, m = x, n = x;
        for (int round = 0; round < RoundsPerPass; round++)
        {
            a = TSimd.MultiplyAdd(a, x, y);
            b = TSimd.MultiplyAdd(b, x, y);
            c = TSimd.MultiplyAdd(c, x, y);
            d = TSimd.MultiplyAdd(d, x, y);
            e = TSimd.MultiplyAdd(e, x, y);
            f = TSimd.MultiplyAdd(f, x, y);
            g = TSimd.MultiplyAdd(g, x, y);
            h = TSimd.MultiplyAdd(h, x, y);
            i = TSimd.MultiplyAdd(i, x, y);
            j = TSimd.MultiplyAdd(j, x, y);
            k = TSimd.MultiplyAdd(k, x, y);
            l = TSimd.MultiplyAdd(l, x, y);
            m = TSimd.MultiplyAdd(m, x, y);
            n = TSimd.MultiplyAdd(n, x, y);
        }

        return Product<TSimd, TVector>(
            Product<TSimd, TVector>(a, b, c, d), Product<TSimd, TVector>(e, f, g, h), Product<TSimd, TVector>(i, j, k, l),
            Product<TSimd, TVector>(m, n, m, n));
    }

    // Uses all sums, so that the compiler cannot omit them, and calls nothing, because sums that outlive a call are kept in
    // memory, also within the loop before it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Product<TSimd, TVector>(TVector a, TVector b, TVector c, TVector d)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged => TSimd.Multiply(TSimd.Multiply(a, b), TSimd.Multiply(c, d));
}
