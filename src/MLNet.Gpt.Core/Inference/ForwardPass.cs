using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Inference;

/// <summary>The transformer itself, from token ids to the residual stream after the last block.</summary>
internal static unsafe class ForwardPass
{
    /// <summary>
    /// Runs segments through all blocks. Their keys and values are then in their caches, and the residual stream is in
    /// the workspace.
    /// </summary>
    /// <param name="weights">The model; borrowed by the caller.</param>
    /// <param name="workspace">Has room for all rows.</param>
    /// <param name="segments">The sequences; their rows follow each other from 0.</param>
    /// <param name="ids">One id per row, validated.</param>
    /// <param name="threadCount">Threads to work on.</param>
    /// <param name="cancellationToken">Checked between blocks.</param>
    public static void Run(
        ModelWeights weights, Workspace workspace, Segment[] segments,
        ReadOnlySpan<int> ids, int threadCount, CancellationToken cancellationToken)
    {
        var config = weights.Config;
        var compute = new Compute(weights.Kernels, threadCount);
        var buffers = workspace.BuffersOf(ids.Length);
        int[] positions = new int[ids.Length];
        foreach (var segment in segments)
        {
            for (int i = 0; i < segment.Count; i++) positions[segment.FirstRow + i] = segment.Position + i;
        }

        Embedding.Forward(
            compute, ids.ToArray(), positions, weights.TokenEmbedding, config.EmbeddingFactor,
            weights.PositionEmbedding is { } embedding ? embedding.Pointer : null, default, buffers.Input);
        weights.Angles.Fill(compute, positions, ids.Length, workspace.Angles);
        var units = AttentionUnit.Of(segments, config);
        var function = FeedForwardFunction.Of(config.FeedForward);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var shape = AttentionShape.Of(config, layer);
            var rotary = weights.Angles.Of(weights.Blocks[layer], shape, layer, ids.Length, workspace.Angles);
            DecoderBlock.Forward(
                compute, function, weights.Blocks[layer], buffers, rotary, new CachedAttention(shape, layer, segments, units),
                attentionDropout: default, feedForwardDropout: default);
        }
    }

    /// <summary>Applies the last norm to rows of the residual stream; the workspace's normalized rows receive them, from 0.</summary>
    public static void Normalize(ModelWeights weights, Workspace workspace, int firstRow, int rows, int threadCount)
    {
        var residual = workspace.BuffersOf(firstRow + rows).Input.Slice(firstRow, rows);
        weights.FinalNorm.Kernel.Forward(
            new(weights.Kernels, threadCount), residual, workspace.BuffersOf(rows).Normalized, statistics: null);
    }

    /// <summary>Computes the logits of normalized rows of the workspace, (rows, V).</summary>
    public static void ComputeLogits(ModelWeights weights, Workspace workspace, Matrix normalized, float* logits, int threadCount)
    {
        var compute = new Compute(weights.Kernels, threadCount);
        int vocabulary = weights.Config.VocabularySize;
        var result = new Matrix(logits, normalized.Rows, vocabulary, vocabulary);
        weights.Head.Multiply(compute, normalized, workspace.Quantized, new StoreSink(result, weights.Head.Bias));
        var cap = SoftCap.Of(weights.Config.LogitSoftCap);
        if (cap.IsActive) compute.ForEachRow(result.Rows, row => cap.Apply(result.Row(row), vocabulary));
    }

    /// <summary>
    /// Applies the last norm to given rows of the residual stream; the workspace's normalized rows receive them, from 0.
    /// </summary>
    public static void Normalize(ModelWeights weights, Workspace workspace, int[] rows, int threadCount)
    {
        var norm = weights.FinalNorm.Kernel;
        new Compute(weights.Kernels, threadCount).ForEachRow(rows.Length, i => norm.Apply(
            workspace.Residual + ((long)rows[i] * workspace.Width), weights.Config.EmbeddingWidth,
            workspace.Normalized + ((long)i * workspace.Width)));
    }
}
