using LLama;
using LLama.Common;
using LLama.Native;

namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>
/// The likelihoods of choices through LLamaSharp, as its users would compute them: the context once, then each choice after it.
/// </summary>
internal sealed class LlamaChoices : IDisposable
{
    private readonly LLamaWeights _weights;
    private readonly LLamaContext _context;

    public LlamaChoices(string path, int contextLength)
    {
        LlamaPeer.EnsureConfigured();
        var options = new ModelParams(path)
        {
            ContextSize = (uint)contextLength,
            GpuLayerCount = 0,
            Threads = Environment.ProcessorCount,
            BatchThreads = Environment.ProcessorCount,
            BatchSize = (uint)contextLength,
        };
        _weights = LLamaWeights.LoadFromFile(options);
        _context = _weights.CreateContext(options);
    }

    /// <summary>Returns ln p of each choice of a question; the ids are those of the scorer.</summary>
    public IEnumerable<double> Score(ContinuationScorer scorer, TaskQuestion question)
    {
        var handle = _context.NativeHandle;
        handle.MemoryClear();
        int[] context = scorer.Encode(question.Choices[0].Context, question.Choices[0].Continuation).Context;
        Decode(context, start: 0, all: false);
        float[] afterContext = [.. handle.GetLogitsIth(context.Length - 1)];
        foreach (var choice in question.Choices)
        {
            int[] ids = scorer.Encode(choice.Context, choice.Continuation).Continuation;
            double sum = LogProbability(afterContext, ids[0]);
            if (ids.Length > 1)
            {
                Decode(ids[..^1], context.Length, all: true);
                for (int i = 1; i < ids.Length; i++) sum += LogProbability(handle.GetLogitsIth(i - 1), ids[i]);
                handle.MemorySequenceRemove(LLamaSeqId.Zero, context.Length, -1);
            }

            yield return sum;
        }
    }

    public void Dispose()
    {
        _context.Dispose();
        _weights.Dispose();
    }

    private void Decode(int[] ids, int start, bool all)
    {
        var batch = new LLamaBatch();
        for (int i = 0; i < ids.Length; i++) batch.Add(ids[i], start + i, LLamaSeqId.Zero, logits: all || i == ids.Length - 1);
        var result = _context.NativeHandle.Decode(batch);
        if (result != DecodeResult.Ok) throw new InvalidOperationException($"llama.cpp returned {result}.");
    }

    private static double LogProbability(ReadOnlySpan<float> logits, int id)
    {
        float greatest = System.Numerics.Tensors.TensorPrimitives.Max(logits);
        double sum = 0;
        foreach (float logit in logits) sum += MathF.Exp(logit - greatest);
        return logits[id] - greatest - Math.Log(sum);
    }
}
