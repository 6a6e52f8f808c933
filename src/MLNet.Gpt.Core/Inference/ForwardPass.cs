using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Kernels;
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
            compute, ids.ToArray(), positions, weights.TokenEmbedding, weights.PositionEmbedding.Pointer, default, buffers.Input);
        var units = AttentionUnit.Of(segments, config.HeadCount);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var attention = new CachedAttention(config, layer, segments, units);
            DecoderBlock.Forward(
                compute, weights.Blocks[layer], buffers, attention, attentionDropout: default, feedForwardDropout: default);
        }
    }

    /// <summary>Applies the last layer norm to rows of the residual stream; the workspace's normalized rows receive them, from 0.</summary>
    public static void Normalize(ModelWeights weights, Workspace workspace, int firstRow, int rows, int threadCount)
    {
        var residual = workspace.BuffersOf(firstRow + rows).Input.Slice(firstRow, rows);
        LayerNorm.Forward(
            new(weights.Kernels, threadCount), residual, weights.FinalNormScale.Pointer, weights.FinalNormShift.Pointer,
            workspace.BuffersOf(rows).Normalized, statistics: null);
    }

    /// <summary>
    /// Applies the last layer norm to given rows of the residual stream; the workspace's normalized rows receive them,
    /// from 0.
    /// </summary>
    public static void Normalize(ModelWeights weights, Workspace workspace, int[] rows, int threadCount)
    {
        int width = weights.Config.EmbeddingWidth;
        new Compute(weights.Kernels, threadCount).ForEachRow(rows.Length, i => LayerNorm.Apply(
            workspace.Residual + ((long)rows[i] * workspace.Width), weights.FinalNormScale.Pointer, weights.FinalNormShift.Pointer, width,
            workspace.Normalized + ((long)i * workspace.Width)));
    }
}
