using System.Diagnostics;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Threading;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Inference;

/// <summary>The transformer itself: token ids in, the residual stream after the last block out.</summary>
internal static unsafe class ForwardPass
{
    private const int RowsPerChunk = 16;
    private const int MinimumRowsToShare = 32;

    /// <summary>
    /// Runs segments through all blocks; their keys and values are then in their caches, the residual stream in the
    /// workspace.
    /// </summary>
    /// <param name="weights">The model; borrowed by the caller.</param>
    /// <param name="workspace">Has room for all rows.</param>
    /// <param name="segments">The sequences; their rows follow each other from 0.</param>
    /// <param name="ids">One id a row, validated.</param>
    /// <param name="threadCount">Threads to work on.</param>
    /// <param name="cancellationToken">Checked between blocks.</param>
    public static void Run(
        ModelWeights weights, Workspace workspace, Segment[] segments, ReadOnlySpan<int> ids, int threadCount, CancellationToken cancellationToken)
    {
        int rows = ids.Length;
        fixed (int* first = ids) Embed(weights, workspace, segments, first, rows, threadCount);
        var units = AttentionUnit.Of(segments, weights.Config.HeadCount);
        foreach (var block in weights.Blocks)
        {
            cancellationToken.ThrowIfCancellationRequested();
            RunBlock(weights, block, workspace, segments, units, rows, threadCount);
        }
    }

    /// <summary>The last layer norm: of rows of the residual stream into the workspace's normalised rows, from 0.</summary>
    public static void Normalise(ModelWeights weights, Workspace workspace, int firstRow, int rows, int threadCount) =>
        Normalise(weights.FinalNormScale, weights.FinalNormShift, workspace, firstRow, rows, threadCount);

    /// <summary>The last layer norm: of given rows of the residual stream into the workspace's normalised rows, from 0.</summary>
    public static void Normalise(ModelWeights weights, Workspace workspace, int[] rows, int threadCount)
    {
        var scale = weights.FinalNormScale;
        WorkerTeam.Run(rows.Length, rows.Length < MinimumRowsToShare ? 1 : threadCount, i => LayerNorm.Apply(
            workspace.Residual + ((long)rows[i] * workspace.Width), scale.Pointer, weights.FinalNormShift.Pointer, scale.Length,
            workspace.Normalised + ((long)i * workspace.Width)));
    }

    private static void RunBlock(
        ModelWeights weights, BlockWeights block, Workspace w, Segment[] segments, AttentionUnit[] units, int rows, int threadCount)
    {
        // h = norm(x); x += attention(h)
        Normalise(block.AttentionNormScale, block.AttentionNormShift, w, 0, rows, threadCount);
        MatrixProduct.Run(
            weights.Kernels, block.QueryKeyValue, w.Normalised, w.Width, rows, w.Quantised, w.QueryKeyValue, w.ProjectedWidth, ProductTarget.Store, threadCount);
        Attend(weights, block.Layer, w, segments, units, rows, threadCount);
        MatrixProduct.Run(
            weights.Kernels, block.AttentionOutput, w.Attended, w.Width, rows, w.Quantised, w.Residual, w.Width, ProductTarget.Add, threadCount);

        // h = norm(x); x += feedForward(h)
        Normalise(block.FeedForwardNormScale, block.FeedForwardNormShift, w, 0, rows, threadCount);
        MatrixProduct.Run(
            weights.Kernels, block.FeedForwardIn, w.Normalised, w.Width, rows, w.Quantised, w.Hidden, w.HiddenWidth, ProductTarget.StoreGelu, threadCount);
        MatrixProduct.Run(
            weights.Kernels, block.FeedForwardOut, w.Hidden, w.HiddenWidth, rows, w.Quantised, w.Residual, w.Width, ProductTarget.Add, threadCount);
    }

    private static void Embed(ModelWeights weights, Workspace w, Segment[] segments, int* ids, int rows, int threadCount)
    {
        int c = weights.Config.EmbeddingWidth;
        int chunks = (rows + RowsPerChunk - 1) / RowsPerChunk;
        int[] positions = new int[rows];
        foreach (var segment in segments)
        {
            for (int i = 0; i < segment.Count; i++) positions[segment.FirstRow + i] = segment.Position + i;
        }

        WorkerTeam.Run(chunks, rows < MinimumRowsToShare ? 1 : threadCount, chunk =>
        {
            int end = Math.Min(rows, (chunk + 1) * RowsPerChunk);
            for (int row = chunk * RowsPerChunk; row < end; row++)
            {
                float* x = w.Residual + ((long)row * w.Width);
                weights.TokenEmbedding.CopyRow(ids[row], x);
                Row.Add(x, weights.PositionEmbedding.Pointer + ((long)positions[row] * c), x, c);
            }
        });
    }

    private static void Normalise(PackedVector scale, PackedVector shift, Workspace w, int firstRow, int rows, int threadCount)
    {
        int chunks = (rows + RowsPerChunk - 1) / RowsPerChunk;
        WorkerTeam.Run(chunks, rows < MinimumRowsToShare ? 1 : threadCount, chunk =>
        {
            int end = Math.Min(rows, (chunk + 1) * RowsPerChunk);
            for (int row = chunk * RowsPerChunk; row < end; row++)
            {
                LayerNorm.Apply(
                    w.Residual + ((long)(firstRow + row) * w.Width), scale.Pointer, shift.Pointer, scale.Length, w.Normalised + ((long)row * w.Width));
            }
        });
    }

    private static void Attend(
        ModelWeights weights, int layer, Workspace w, Segment[] segments, AttentionUnit[] units, int rows, int threadCount)
    {
        var config = weights.Config;
        int heads = config.HeadCount;

        // A lone token's key and value are stored by the piece that reads them; longer segments are read by several
        // pieces, so stored before.
        bool storesFirst = rows > segments.Length;
        if (storesFirst)
        {
            WorkerTeam.Run(segments.Length * heads, threadCount, i =>
                Attention.Store(segments[i / heads], layer, i % heads, config.HeadSize, config.EmbeddingWidth, w.QueryKeyValue, w.ProjectedWidth));
        }

        WorkerTeam.Run(units.Length, threadCount, i =>
        {
            var unit = units[i];
            ref readonly var segment = ref segments[unit.Segment];
            Debug.Assert(
                segment.FirstRow + unit.FirstRow + AttentionUnit.RowsRead(unit.RowCount) <= w.ReadableProjectedRows,
                "A tile of queries reaches past the rows that can be read.");
            if (!storesFirst) Attention.Store(segment, layer, unit.Head, config.HeadSize, config.EmbeddingWidth, w.QueryKeyValue, w.ProjectedWidth);
            Attention.Attend(
                weights.Kernels, segment, unit.FirstRow, unit.RowCount, layer, unit.Head, config.HeadSize,
                w.QueryKeyValue, w.ProjectedWidth, w.Attended, w.Width);
        });
    }
}
