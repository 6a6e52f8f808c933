using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Benchmarks.Measurement;

/// <summary>The limits of this machine: how fast it reads memory, and how fast it multiplies.</summary>
internal static unsafe class MachineLimits
{
    private static readonly int Threads = Environment.ProcessorCount;

    /// <summary>
    /// Measures the bytes per second that all cores together read from memory: the best of several passes, 512 MB per
    /// core.
    /// </summary>
    public static double ReadBandwidth()
    {
        const long BytesPerThread = 512L << 20;
        var blocks = Enumerable.Range(0, Threads).Select(_ => (nint)NativeMemory.AlignedAlloc((nuint)BytesPerThread, 4096)).ToArray();
        foreach (nint block in blocks) NativeMemory.Fill((void*)block, (nuint)BytesPerThread, 1);
        double seconds = Best(7, thread => Read((float*)blocks[thread], BytesPerThread / sizeof(float)));
        foreach (nint block in blocks) NativeMemory.AlignedFree((void*)block);
        return Threads * BytesPerThread / seconds;
    }

    /// <summary>Measures the floating-point operations per second of fused multiply-adds on registers, all cores together.</summary>
    public static double MultiplyAddRate()
    {
        double seconds = Best(5, _ => MultiplyAdd(RoundsPerPass));
        return MultiplyAddsOfAPass / seconds;
    }

    /// <summary>Runs one pass of fused multiply-adds on registers, on all cores.</summary>
    public static void MultiplyAddPass() => Best(1, _ => MultiplyAdd(RoundsPerPass));

    /// <summary>Floating-point operations of <see cref="MultiplyAddPass"/>.</summary>
    public static double MultiplyAddsOfAPass => (double)Threads * RoundsPerPass * Chains * (Vector512.IsHardwareAccelerated ? 16 : 8) * 2;

    private const int Chains = 16;
    private const int RoundsPerPass = 20_000_000;

    private static double Best(int passes, Action<int> work)
    {
        double best = double.PositiveInfinity;
        for (int pass = 0; pass < passes; pass++)
        {
            long start = Stopwatch.GetTimestamp();
            var others = Enumerable.Range(1, Threads - 1).Select(thread => new Thread(() => work(thread))).ToArray();
            foreach (var other in others) other.Start();
            work(0);
            foreach (var other in others) other.Join();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Read(float* block, long count)
    {
        var a = Vector512<float>.Zero;
        var b = a;
        var c = a;
        var d = a;
        for (long i = 0; i < count; i += 64)
        {
            a += Vector512.Load(block + i);
            b += Vector512.Load(block + i + 16);
            c += Vector512.Load(block + i + 32);
            d += Vector512.Load(block + i + 48);
        }

        return Vector512.Sum(a + b + (c + d));
    }

    private static float MultiplyAdd(int rounds) => Vector512.IsHardwareAccelerated ? MultiplyAdd512(rounds) : MultiplyAdd256(rounds);

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float MultiplyAdd512(int rounds)
    {
        Vector512<float> x = Vector512.Create(0.999f), y = Vector512.Create(1e-9f);
        Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x, m = x, n = x, o = x, p = x;
        for (int round = 0; round < rounds; round++)
        {
            a = Vector512.FusedMultiplyAdd(a, x, y);
            b = Vector512.FusedMultiplyAdd(b, x, y);
            c = Vector512.FusedMultiplyAdd(c, x, y);
            d = Vector512.FusedMultiplyAdd(d, x, y);
            e = Vector512.FusedMultiplyAdd(e, x, y);
            f = Vector512.FusedMultiplyAdd(f, x, y);
            g = Vector512.FusedMultiplyAdd(g, x, y);
            h = Vector512.FusedMultiplyAdd(h, x, y);
            i = Vector512.FusedMultiplyAdd(i, x, y);
            j = Vector512.FusedMultiplyAdd(j, x, y);
            k = Vector512.FusedMultiplyAdd(k, x, y);
            l = Vector512.FusedMultiplyAdd(l, x, y);
            m = Vector512.FusedMultiplyAdd(m, x, y);
            n = Vector512.FusedMultiplyAdd(n, x, y);
            o = Vector512.FusedMultiplyAdd(o, x, y);
            p = Vector512.FusedMultiplyAdd(p, x, y);
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float MultiplyAdd256(int rounds)
    {
        Vector256<float> x = Vector256.Create(0.999f), y = Vector256.Create(1e-9f);
        Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x, m = x, n = x, o = x, p = x;
        for (int round = 0; round < rounds; round++)
        {
            a = Vector256.FusedMultiplyAdd(a, x, y);
            b = Vector256.FusedMultiplyAdd(b, x, y);
            c = Vector256.FusedMultiplyAdd(c, x, y);
            d = Vector256.FusedMultiplyAdd(d, x, y);
            e = Vector256.FusedMultiplyAdd(e, x, y);
            f = Vector256.FusedMultiplyAdd(f, x, y);
            g = Vector256.FusedMultiplyAdd(g, x, y);
            h = Vector256.FusedMultiplyAdd(h, x, y);
            i = Vector256.FusedMultiplyAdd(i, x, y);
            j = Vector256.FusedMultiplyAdd(j, x, y);
            k = Vector256.FusedMultiplyAdd(k, x, y);
            l = Vector256.FusedMultiplyAdd(l, x, y);
            m = Vector256.FusedMultiplyAdd(m, x, y);
            n = Vector256.FusedMultiplyAdd(n, x, y);
            o = Vector256.FusedMultiplyAdd(o, x, y);
            p = Vector256.FusedMultiplyAdd(p, x, y);
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p);
    }
}
