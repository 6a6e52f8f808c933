using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>The sizes of a batch in attention.</summary>
/// <param name="BatchSize">B.</param>
/// <param name="Tokens">T.</param>
/// <param name="HeadCount">nh.</param>
/// <param name="HeadSize">hs.</param>
internal readonly record struct AttentionShape(int BatchSize, int Tokens, int HeadCount, int HeadSize)
{
    /// <summary>C.</summary>
    public int Width => HeadCount * HeadSize;

    /// <summary>The factor of the scores before softmax, 1 / √hs.</summary>
    public float Scale => 1 / MathF.Sqrt(HeadSize);

    /// <summary>Tokens rounded up to whole panels of keys: the length of a row of scores.</summary>
    public int PaddedTokens(KernelSet kernels) => RoundUp(RoundUp(Tokens, kernels.PanelWidth), Lanes.Count);

    /// <summary>Head size rounded up to the step in which weighted rows are added.</summary>
    public int PaddedHeadSize(KernelSet kernels) => RoundUp(HeadSize, kernels.ValueWidth);

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}

/// <summary>
/// Causal attention of whole windows, o = dropout(softmax(q kᵀ / √hs)) v, and its gradients, head by head: 8 queries at
/// a time are multiplied with the keys up to their own positions.
/// </summary>
/// <remarks>
/// The weights (B, nh, T, T) are never stored as a whole: for each query, only the logarithm of its softmax's sum is
/// kept for the backward pass, which recomputes them. With P = softmax(S), S = q kᵀ / √hs, the mask M of dropout (0 or
/// 1 / (1 − p)), P̃ = P M, o = P̃ v, and D = Σ over hs of do × o: dv = P̃ᵀ do, dP = M (do vᵀ), dS = P (dP − D), dq = dS
/// k / √hs, dk = dSᵀ q / √hs. D is Σ over keys of P dP, which softmax's derivative subtracts. Sources: Vaswani et al.,
/// "Attention Is All You Need" (2017); Dao et al., "FlashAttention" (2022), appendix B.
/// </remarks>
internal static unsafe class Attention
{
    private const int TileRows = KernelSet.TileRows;
    private const int QueriesPerBlock = 64; // in the backward pass

    /// <summary>(B, T, 3 C) -> (B, T, C).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="projected">Queries, keys and values, (B T, 3 C); readable up to 7 rows past the last.</param>
    /// <param name="attended">Receives the output, (B T, C).</param>
    /// <param name="logSumExp">Receives ln Σ e^score of each query, (B, nh, T).</param>
    /// <param name="dropout">On the weights.</param>
    public static void Forward(
        Compute compute, AttentionShape shape, Matrix projected, Matrix attended, float* logSumExp, Dropout dropout) =>
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
        PackPanels(kernels, keys, keyPanels);
        CopyRows(values, valueRows, headStride);

        for (int row = 0; row < tokens; row += TileRows)
        {
            int rows = Math.Min(TileRows, tokens - row), visible = row + rows;
            Multiply(kernels, queries.Slice(row, rows), keyPanels, visible, weights, stride);
            for (int i = 0; i < TileRows; i++)
            {
                float* weight = weights + (i * stride);
                int own = i < rows ? row + i + 1 : 0; // keys that the query can see
                if (own > 0)
                {
                    logSumExp[row + i] = Softmax.Apply(weight, own, shape.Scale);
                    dropout.Apply(weight, weight, own, firstDropoutRow + row + i);
                }

                Row.Clear(weight + own, visible - own);
            }

            Row.Clear(gathered, TileRows * headStride);
            kernels.AddWeightedRows(visible, weights, stride, valueRows, headStride, gathered, headStride);
            for (int i = 0; i < rows; i++) Row.Copy(gathered + (i * headStride), output.Row(row + i), shape.HeadSize);
        }
    }

    /// <summary>(B, T, C) -> (B, T, 3 C).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="projected">Queries, keys and values, (B T, 3 C); readable up to 7 rows past the last.</param>
    /// <param name="attended">The output of the forward pass, (B T, C).</param>
    /// <param name="logSumExp">ln Σ e^score of each query, (B, nh, T).</param>
    /// <param name="dropout">On the weights, as in the forward pass.</param>
    /// <param name="attendedGradient">(B T, C); readable up to 7 rows past the last.</param>
    /// <param name="projectedGradient">Receives the gradient, (B T, 3 C).</param>
    public static void Backward(
        Compute compute, AttentionShape shape, Matrix projected, Matrix attended, float* logSumExp, Dropout dropout,
        Matrix attendedGradient, Matrix projectedGradient) => compute.ForEach(shape.BatchSize * shape.HeadCount, item =>
        {
            var (batch, head) = Math.DivRem(item, shape.HeadCount);
            BackwardHead(
                compute.Kernels, shape, OfHead(projected), OfHead(attended), logSumExp + ((long)item * shape.Tokens), dropout,
                item * shape.Tokens,
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
        PackPanels(kernels, keys, keyPanels);
        PackPanels(kernels, values, valuePanels);
        CopyRows(queries, queryRows, headStride);
        CopyRows(keys, keyRows, headStride);
        CopyRows(attendedGradient, outputRows, headStride);
        Row.Clear(keySums, 2 * rowsLength);

        for (int first = 0; first < tokens; first += QueriesPerBlock)
        {
            int count = Math.Min(QueriesPerBlock, tokens - first), visible = first + count;
            for (int tile = 0; tile < count; tile += TileRows)
            {
                int row = first + tile, rows = Math.Min(TileRows, tokens - row), seen = row + rows;
                float* weight = weights + (tile * stride), gradient = scoreGradients + (tile * stride);
                Multiply(kernels, queries.Slice(row, rows), keyPanels, seen, weight, stride);
                Multiply(kernels, attendedGradient.Slice(row, rows), valuePanels, seen, gradient, stride);
                for (int i = 0; i < TileRows; i++, weight += stride, gradient += stride)
                {
                    int own = i < rows ? row + i + 1 : 0;
                    if (own > 0)
                    {
                        float output = Row.Dot(attendedGradient.Row(row + i), attended.Row(row + i), shape.HeadSize);
                        Softmax.Reapply(weight, own, shape.Scale, logSumExp[row + i]);
                        dropout.Apply(gradient, gradient, own, firstDropoutRow + row + i);
                        Row.Map(new ScoreGradient(output, shape.Scale), weight, gradient, gradient, own);
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

            // dk += dSᵀ q, dv += P̃ᵀ do; keys are visible to the queries from their own positions on.
            for (int key = 0; key < visible; key += TileRows)
            {
                int from = Math.Max(first, key), depth = visible - from;
                nint offset = ((nint)(from - first) * stride) + key;
                kernels.AddStridedWeightedRows(
                    depth, scoreGradients + offset, 1, stride, queryRows + (from * headStride), headStride,
                    keySums + (key * headStride), headStride);
                kernels.AddStridedWeightedRows(
                    depth, weights + offset, 1, stride, outputRows + (from * headStride), headStride, valueSums + (key * headStride),
                    headStride);
            }
        }

        for (int row = 0; row < tokens; row++)
        {
            float* target = queryGradient.Row(row) + shape.Width;
            Row.Copy(keySums + (row * headStride), target, shape.HeadSize);
            Row.Copy(valueSums + (row * headStride), target + shape.Width, shape.HeadSize);
        }
    }

    // Packs rows (T, hs) into panels [hs][keys], so that products with them are scores.
    private static void PackPanels(KernelSet kernels, Matrix rows, float* panels)
    {
        var source = new TransposedPanels(rows, kernels);
        for (int panel = 0; panel * source.Width < rows.Rows; panel++, panels += source.ScratchLength) source.Prepare(panel, panels);
    }

    // Copies rows (T, hs) next to each other, padded with zeros to the stride.
    private static void CopyRows(Matrix rows, float* destination, int stride)
    {
        for (int row = 0; row < rows.Rows; row++, destination += stride)
        {
            Row.Copy(rows.Row(row), destination, rows.Columns);
            Row.Clear(destination + rows.Columns, stride - rows.Columns);
        }
    }

    // Multiplies 8 rows with the panels of the first keys.
    private static void Multiply(KernelSet kernels, Matrix rows, float* panels, int keys, float* scores, int stride)
    {
        rows.AssertReadable(TileRows);
        int width = kernels.PanelWidth, depth = rows.Columns;
        for (int key = 0; key < keys; key += width)
        {
            kernels.MultiplyTile(depth, rows.Data, rows.Stride, panels + (key * depth), scores + key, stride, accumulate: false);
        }
    }

    // dS × scale = P (dP − D) × scale
    private readonly struct ScoreGradient(float output, float scale) : IMap2
    {
        private readonly float _output = output, _scale = scale;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> weight, Vector512<float> gradient) =>
            weight * _scale * (gradient - Vector512.Create(_output));
    }
}
