using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// Causal attention, o = dropout(softmax(q kᵀ / √hs)) v, head by head: 8 queries at a time meet the keys up to their
/// own position.
/// </summary>
/// <remarks>
/// The weights (B, nh, T, T) never exist as a whole: of each query only the logarithm of its softmax's sum is kept for
/// the backward pass. Source: Vaswani et al., "Attention Is All You Need" (2017); the recomputation is that of Dao et
/// al., "FlashAttention" (2022).
/// </remarks>
internal static unsafe class Attention
{
    private const int TileRows = 8;

    /// <summary>(B, T, 3 C) -> (B, T, C).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="projected">Queries, keys and values, (B T, 3 C); readable 8 rows beyond the last.</param>
    /// <param name="attended">Receives the gathered values, (B T, C).</param>
    /// <param name="logSumExp">Receives ln Σ e^score of each query, (B, nh, T).</param>
    /// <param name="dropout">On the weights.</param>
    public static void Forward(Compute compute, AttentionShape shape, Matrix projected, Matrix attended, float* logSumExp, Dropout dropout) =>
        compute.ForEach(shape.BatchSize * shape.HeadCount, item =>
        {
            var (batch, head) = Math.DivRem(item, shape.HeadCount);
            var rows = projected.Slice(batch * shape.Tokens, shape.Tokens).SliceColumns(head * shape.HeadSize, shape.HeadSize);
            var output = attended.Slice(batch * shape.Tokens, shape.Tokens).SliceColumns(head * shape.HeadSize, shape.HeadSize);
            ForwardHead(compute.Kernels, shape, rows, output, logSumExp + ((long)item * shape.Tokens), dropout, item * shape.Tokens);
        });

    private static void ForwardHead(
        KernelSet kernels, AttentionShape shape, Matrix queries, Matrix output, float* logSumExp, Dropout dropout, int firstDropoutRow)
    {
        int tokens = shape.Tokens, stride = shape.PaddedTokens(kernels), headStride = shape.PaddedHeadSize(kernels);
        var keys = new Matrix(queries.Data + shape.Width, tokens, shape.HeadSize, queries.Stride);
        var values = new Matrix(queries.Data + (2 * shape.Width), tokens, shape.HeadSize, queries.Stride);

        float* weights = ThreadScratch.Get((TileRows * (stride + headStride)) + (stride * shape.HeadSize) + (tokens * headStride));
        float* gathered = weights + (TileRows * stride);
        float* keyPanels = gathered + (TileRows * headStride);
        float* valueRows = keyPanels + (stride * shape.HeadSize);
        AttentionHead.PackPanels(kernels, keys, keyPanels);
        AttentionHead.CopyRows(values, valueRows, headStride);

        for (int row = 0; row < tokens; row += TileRows)
        {
            int rows = Math.Min(TileRows, tokens - row), visible = row + rows;
            AttentionHead.Multiply(kernels, queries.Slice(row, TileRows), keyPanels, visible, weights, stride);
            for (int i = 0; i < TileRows; i++)
            {
                float* weight = weights + (i * stride);
                int own = i < rows ? row + i + 1 : 0; // keys that the query sees
                if (own > 0)
                {
                    logSumExp[row + i] = AttentionHead.Softmax(weight, own, shape.Scale);
                    dropout.Apply(weight, weight, own, firstDropoutRow + row + i);
                }

                Row.Clear(weight + own, visible - own);
            }

            Row.Clear(gathered, TileRows * headStride);
            kernels.AddWeightedRows(visible, weights, stride, valueRows, headStride, gathered, headStride);
            for (int i = 0; i < rows; i++) Row.Copy(gathered + (i * headStride), output.Row(row + i), shape.HeadSize);
        }
    }
}
