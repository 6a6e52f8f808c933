using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// The kernels that run inside of others, by themselves: on the shapes of GPT-2, 124M parameters, for all its layers, in
/// the same pieces and shared among the same threads.
/// </summary>
internal sealed unsafe class InnerKernels : IDisposable
{
    private const int Layers = 12;
    private const int Heads = 12;
    private const int HiddenWidth = 3072;
    private const int Vocabulary = 50257;
    private const int MostRows = 1024;
    private const int KeysPerBlock = 240; // of the cache
    private const int IdsPerChunk = 384; // of the scorer
    private const int RowsPerUnit = 128;
    private const float ScoreScale = 0.125f;

    private readonly Compute _compute = new(KernelSet.Best, Environment.ProcessorCount);
    private readonly NativeArena _arena = new("the buffers of kernels that are timed");
    private readonly long _hidden, _activated, _bias;

    public InnerKernels()
    {
        _hidden = _arena.Reserve((long)MostRows * HiddenWidth * sizeof(float));
        _activated = _arena.Reserve((long)MostRows * HiddenWidth * sizeof(float));
        _bias = _arena.Reserve(HiddenWidth * sizeof(float));
        _arena.Allocate();
        var random = new Random(1);
        foreach (var (offset, length) in ((long, int)[])[(_hidden, MostRows * HiddenWidth), (_bias, HiddenWidth)])
        {
            float* numbers = (float*)_arena.At(offset);
            for (int i = 0; i < length; i++) numbers[i] = (4 * random.NextSingle()) - 2;
        }
    }

    private float* Bias => (float*)_arena.At(_bias);

    public void Dispose() => _arena.Dispose();

    /// <summary>GELU of the sums of products, as inference applies it.</summary>
    public void Gelu(int rows) => Apply(rows, new ActivationSink<Numerics.Kernels.Gelu>(Rows(_activated, rows), Bias));

    /// <summary>GELU as products apply it in training: the input is kept, and the backward pass multiplies by the derivatives.</summary>
    public void TrainGelu(int rows)
    {
        Apply(rows, new ActivationSink<Numerics.Kernels.Gelu>(Rows(_activated, rows), Bias, Rows(_hidden, rows)));
        Apply(rows, new MultiplySink(Rows(_hidden, rows), default));
    }

    /// <summary>Softmax of the queries at some positions, as inference applies it.</summary>
    public void OnlineSoftmax(ReadOnlySpan<int> positions)
    {
        int[] all = positions.ToArray();
        for (int layer = 0; layer < Layers; layer++)
        {
            _compute.ForEach(Heads, _ =>
            {
                float* scores = ThreadScratch.Get(KeysPerBlock + 16);
                new Span<float>(scores, KeysPerBlock + 16).Fill(0.5f);
                foreach (int position in all)
                {
                    var softmax = Numerics.Kernels.OnlineSoftmax.Empty;
                    for (int first = 0; first <= position; first += KeysPerBlock)
                    {
                        softmax.Add(scores, Math.Min(KeysPerBlock, position + 1 - first), ScoreScale);
                    }
                }
            });
        }
    }

    /// <summary>Softmax of whole windows as training applies it, forward and again in the backward pass.</summary>
    public void TrainSoftmax(int windows, int tokens)
    {
        for (int layer = 0; layer < Layers; layer++)
        {
            _compute.ForEach(windows * Heads, _ =>
            {
                float* scores = ThreadScratch.Get(tokens + 16);
                new Span<float>(scores, tokens + 16).Fill(0.5f);
                for (int position = 0; position < tokens; position++) Softmax.Apply(scores, position + 1, ScoreScale);
                for (int position = 0; position < tokens; position++) Softmax.Reapply(scores, position + 1, ScoreScale, logSumExp: 1);
            });
        }
    }

    /// <summary>Cross-entropy from logits, as the scorer computes it.</summary>
    public void CrossEntropy(int rows) => _compute.ForEach((Vocabulary + IdsPerChunk - 1) / IdsPerChunk * (rows / RowsPerUnit), _ =>
    {
        float* logits = (float*)_arena.At(_hidden);
        for (int row = 0; row < RowsPerUnit; row++) LogSumExp.Of(logits + (row * IdsPerChunk), IdsPerChunk, target: 0);
    });

    // Each panel of sums goes to the sink row by row while it is in the cache; a single row goes there many panels at a time.
    private void Apply<TSink>(int rows, TSink sink)
        where TSink : struct, ISink
    {
        int width = rows == 1 ? HiddenWidth : _compute.Kernels.PanelWidth;
        for (int layer = 0; layer < Layers; layer++)
        {
            _compute.ForEach(HiddenWidth / width, panel =>
            {
                float* tile = ThreadScratch.Get(BlockedProduct.RowsPerBlock * width);
                for (int row = 0; row < rows; row++)
                {
                    float* sums = tile + (row % BlockedProduct.RowsPerBlock * width);
                    if (row < BlockedProduct.RowsPerBlock) new Span<float>(Bias, width).CopyTo(new(sums, width));
                    sink.Take(sums, row, panel * width, width);
                }
            });
        }
    }

    private Matrix Rows(long offset, int rows) => new((float*)_arena.At(offset), rows, HiddenWidth, HiddenWidth);
}
