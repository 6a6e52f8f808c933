using System.Runtime.Intrinsics.X86;
using LLama;
using LLama.Common;
using LLama.Native;

namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>llama.cpp through LLamaSharp.</summary>
internal sealed class LlamaPeer : Peer
{
    private const int Sessions = 16;

    private readonly LLamaWeights _weights;
    private readonly LLamaContext _single;
    private readonly Lazy<LLamaContext> _many;

    static LlamaPeer()
    {
        // The native library for the instructions that .NET may use, too.
        NativeLibraryConfig.All.WithAvx(Avx512F.IsSupported ? AvxLevel.Avx512 : Avx2.IsSupported ? AvxLevel.Avx2 : AvxLevel.None);
        NativeLogConfig.llama_log_set((LLamaLogLevel level, string message) =>
        {
            if (level == LLamaLogLevel.Error) Console.Error.Write(message);
        });
    }

    /// <summary>Chooses the native library: the static constructor has done it.</summary>
    public static void EnsureConfigured()
    {
    }

    public LlamaPeer(string path)
    {
        _weights = LLamaWeights.LoadFromFile(Options(path, sessions: 1));
        _single = _weights.CreateContext(Options(path, sessions: 1));
        _many = new(() => _weights.CreateContext(Options(path, Sessions)));
    }

    public static IEnumerable<PeerKind> Kinds(ModelFiles files) =>
    [
        new("LLamaSharp", "F32", 32, () => new LlamaPeer(files.Gguf)),
        new("LLamaSharp", "F16", 16, () => new LlamaPeer(files.GgufF16)),
        new("LLamaSharp", "Q8_0", 8, () => new LlamaPeer(files.GgufQ8)),
        new("LLamaSharp", "Q6_K", 6, () => new LlamaPeer(files.GgufQ6K)),
        new("LLamaSharp", "Q4_K_M", 5, () => new LlamaPeer(files.GgufQ4KM)),
        new("LLamaSharp", "Q4_0", 4, () => new LlamaPeer(files.GgufQ4)),
    ];

    /// <summary>Writes a GGUF file with weights in blocks (of 4 bits, the token embedding, which is also the head, gets 6).</summary>
    public static void Quantize(string source, string target, LLamaFtype type)
    {
        new LlamaPeer(source).Dispose(); // loads the native library
        if (!LLamaQuantizer.Quantize(source, target, type, quantizeOutputTensor: true))
        {
            throw new InvalidOperationException($"llama.cpp could not quantize {source}.");
        }
    }

    public override void Decode(int tokens)
    {
        _single.NativeHandle.MemoryClear();
        int next = FirstId;
        for (int i = 0; i < tokens; i++)
        {
            var batch = new LLamaBatch();
            batch.Add(next, i, LLamaSeqId.Zero, logits: true);
            Run(_single, batch);
            next = ArgMax(_single.NativeHandle.GetLogitsIth(0));
        }
    }

    public override void Prefill(int[] ids) => Run(ids, all: false);

    public override double Loss(int[] ids)
    {
        Run(ids[..^1], all: true);
        return MeanLoss.Of(ids.AsSpan(1), row => _single.NativeHandle.GetLogitsIth(row));
    }

    public override void DecodeTogether(int sessions, int tokens)
    {
        var context = _many.Value;
        context.NativeHandle.MemoryClear();
        int[] next = [.. Enumerable.Range(0, sessions)];
        for (int step = 0; step < tokens; step++)
        {
            var batch = new LLamaBatch();
            for (int i = 0; i < sessions; i++) batch.Add(next[i], step, (LLamaSeqId)i, logits: true);
            Run(context, batch);
            for (int i = 0; i < sessions; i++) next[i] = ArgMax(context.NativeHandle.GetLogitsIth(i));
        }
    }

    public override void Dispose()
    {
        if (_many.IsValueCreated) _many.Value.Dispose();
        _single.Dispose();
        _weights.Dispose();
    }

    private static ModelParams Options(string path, int sessions) => new(path)
    {
        ContextSize = ContextLength,
        SeqMax = (uint)sessions,
        GpuLayerCount = 0,
        Threads = Environment.ProcessorCount,
        BatchThreads = Environment.ProcessorCount,
        BatchSize = ContextLength,
    };

    private void Run(int[] ids, bool all)
    {
        _single.NativeHandle.MemoryClear();
        var batch = new LLamaBatch();
        for (int i = 0; i < ids.Length; i++) batch.Add(ids[i], i, LLamaSeqId.Zero, logits: all || i == ids.Length - 1);
        Run(_single, batch);
        _ = _single.NativeHandle.GetLogitsIth(ids.Length - 1)[0];
    }

    private static void Run(LLamaContext context, LLamaBatch batch)
    {
        var result = context.NativeHandle.Decode(batch);
        if (result != DecodeResult.Ok) throw new InvalidOperationException($"llama.cpp returned {result}.");
    }
}
