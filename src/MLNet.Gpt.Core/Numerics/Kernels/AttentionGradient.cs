using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>The way back through <see cref="Attention"/>, head by head, the weights computed again.</summary>
/// <remarks>
/// With P = softmax(S), S = q kᵀ / √hs, the mask M of dropout (0 or 1 / (1 − p)), P̃ = P M, o = P̃ v, and D = Σ over hs
/// of do × o: dv = P̃ᵀ do, dP = M (do vᵀ), dS = P (dP − D), dq = dS k / √hs, dk = dSᵀ q / √hs. D is Σ over keys of P
/// dP, which softmax's derivative takes off. Source: Dao et al., "FlashAttention" (2022), appendix B.
/// </remarks>
internal static unsafe class AttentionGradient
{
    private const int TileRows = 8;
    private const int QueriesPerBlock = 64;

    /// <summary>(B, T, C) -> (B, T, 3 C).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="projected">Queries, keys and values, (B T, 3 C); readable 8 rows beyond the last.</param>
    /// <param name="attended">What the forward pass gave, (B T, C).</param>
    /// <param name="logSumExp">ln Σ e^score of each query, (B, nh, T).</param>
    /// <param name="dropout">On the weights, as in the forward pass.</param>
    /// <param name="attendedGradient">(B T, C); readable 8 rows beyond the last.</param>
    /// <param name="projectedGradient">Receives the gradient, (B T, 3 C).</param>
    public static void Backward(
        Compute compute, AttentionShape shape, Matrix projected, Matrix attended, float* logSumExp, Dropout dropout,
        Matrix attendedGradient, Matrix projectedGradient) => compute.ForEach(shape.BatchSize * shape.HeadCount, item =>
        {
            var (batch, head) = Math.DivRem(item, shape.HeadCount);
            BackwardHead(
                compute.Kernels, shape, OfHead(projected), OfHead(attended), logSumExp + ((long)item * shape.Tokens), dropout, item * shape.Tokens,
                OfHead(attendedGradient), OfHead(projectedGradient));

            Matrix OfHead(Matrix all) => all.Slice(batch * shape.Tokens, shape.Tokens).SliceColumns(head * shape.HeadSize, shape.HeadSize);
        });

    private static void BackwardHead(
        KernelSet kernels, AttentionShape shape, Matrix queries, Matrix attended, float* logSumExp, Dropout dropout, int firstDropoutRow,
        Matrix attendedGradient, Matrix queryGradient)
    {
        int tokens = shape.Tokens, stride = shape.PaddedTokens(kernels), headStride = shape.PaddedHeadSize(kernels);
        int padded = (tokens + TileRows - 1) / TileRows * TileRows, panels = stride * shape.HeadSize, rowsLength = padded * headStride;
        var keys = new Matrix(queries.Data + shape.Width, tokens, shape.HeadSize, queries.Stride);
        var values = new Matrix(keys.Data + shape.Width, tokens, shape.HeadSize, queries.Stride);

        float* weights = ThreadScratch.Get((2 * QueriesPerBlock * stride) + (2 * panels) + (5 * rowsLength) + (TileRows * headStride));
        float* scoreGradients = weights + (QueriesPerBlock * stride);
        float* keyPanels = scoreGradients + (QueriesPerBlock * stride), valuePanels = keyPanels + panels;
        float* queryRows = valuePanels + panels, keyRows = queryRows + rowsLength, outputRows = keyRows + rowsLength;
        float* keySums = outputRows + rowsLength, valueSums = keySums + rowsLength, querySums = valueSums + rowsLength;
        AttentionHead.PackPanels(kernels, keys, keyPanels);
        AttentionHead.PackPanels(kernels, values, valuePanels);
        AttentionHead.CopyRows(queries, queryRows, headStride);
        AttentionHead.CopyRows(keys, keyRows, headStride);
        AttentionHead.CopyRows(attendedGradient, outputRows, headStride);
        Row.Clear(keySums, 2 * rowsLength);

        for (int first = 0; first < tokens; first += QueriesPerBlock)
        {
            int count = Math.Min(QueriesPerBlock, tokens - first), visible = first + count;
            for (int tile = 0; tile < count; tile += TileRows)
            {
                int row = first + tile, rows = Math.Min(TileRows, tokens - row), seen = row + rows;
                float* weight = weights + (tile * stride), gradient = scoreGradients + (tile * stride);
                AttentionHead.Multiply(kernels, queries.Slice(row, TileRows), keyPanels, seen, weight, stride);
                AttentionHead.Multiply(kernels, attendedGradient.Slice(row, TileRows), valuePanels, seen, gradient, stride);
                for (int i = 0; i < TileRows; i++, weight += stride, gradient += stride)
                {
                    int own = i < rows ? row + i + 1 : 0;
                    if (own > 0)
                    {
                        float output = Row.Dot(attendedGradient.Row(row + i), attended.Row(row + i), shape.HeadSize);
                        AttentionHead.SoftmaxAgain(weight, own, shape.Scale, logSumExp[row + i]);
                        dropout.Apply(gradient, gradient, own, firstDropoutRow + row + i);
                        SoftmaxGradient(weight, gradient, own, output, shape.Scale);
                        dropout.Apply(weight, weight, own, firstDropoutRow + row + i);
                    }

                    int end = Math.Max(visible, seen);
                    Row.Clear(weight + own, end - own);
                    Row.Clear(gradient + own, end - own);
                }

                // dq = dS k
                Row.Clear(querySums, TileRows * headStride);
                kernels.AddWeightedRows(seen, scoreGradients + (tile * stride), stride, keyRows, headStride, querySums, headStride);
                for (int i = 0; i < rows; i++) Row.Copy(querySums + (i * headStride), queryGradient.Row(row + i), shape.HeadSize);
            }

            // dk += dSᵀ q, dv += P̃ᵀ do; keys are seen by the queries from their own position on.
            for (int key = 0; key < visible; key += TileRows)
            {
                int from = Math.Max(first, key), depth = visible - from;
                nint offset = ((nint)(from - first) * stride) + key;
                kernels.AddStridedWeightedRows(
                    depth, scoreGradients + offset, 1, stride, queryRows + (from * headStride), headStride, keySums + (key * headStride), headStride);
                kernels.AddStridedWeightedRows(
                    depth, weights + offset, 1, stride, outputRows + (from * headStride), headStride, valueSums + (key * headStride), headStride);
            }
        }

        for (int row = 0; row < tokens; row++)
        {
            float* target = queryGradient.Row(row) + shape.Width;
            Row.Copy(keySums + (row * headStride), target, shape.HeadSize);
            Row.Copy(valueSums + (row * headStride), target + shape.Width, shape.HeadSize);
        }
    }

    // dS × scale = P (dP − D) × scale, in the place of dP.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SoftmaxGradient(float* weights, float* gradients, int count, float output, float scale)
    {
        Vector512<float> outputs = Vector512.Create(output), factor = Vector512.Create(scale);
        for (int i = 0; i < count; i += Lanes.Count)
        {
            Row.Store(Row.Load(weights, i, count) * factor * (Row.Load(gradients, i, count) - outputs), gradients, i, count);
        }
    }
}
