using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>The sizes of attention.</summary>
/// <param name="HeadCount">nh.</param>
/// <param name="KeyHeadCount">nkv: as many query heads as nh / nkv share a head of keys and values.</param>
/// <param name="HeadSize">hs.</param>
/// <param name="Scale">The factor of the scores before softmax.</param>
/// <param name="WindowLength">Positions that a query can see, including its own.</param>
/// <param name="Cap">The cap of the scaled scores.</param>
internal readonly record struct AttentionShape(
    int HeadCount, int KeyHeadCount, int HeadSize, float Scale, int WindowLength = int.MaxValue, SoftCap Cap = default)
{
    /// <summary>What softmax multiplies scores by: capped ones are scaled already.</summary>
    public float SoftmaxScale => Cap.IsActive ? 1 : Scale;

    /// <summary>Query heads that share a head of keys and values.</summary>
    public int GroupSize => HeadCount / KeyHeadCount;

    /// <summary>nh hs.</summary>
    public int QueryWidth => HeadCount * HeadSize;

    /// <summary>nkv hs.</summary>
    public int KeyWidth => KeyHeadCount * HeadSize;

    /// <summary>Returns the sizes of a layer's attention.</summary>
    public static AttentionShape Of(GptConfig config, int layer) => new(
        config.HeadCount, config.KeyValueHeadCount, config.HeadSize, config.ScoreScale,
        config.IsSliding(layer) ? config.SlidingWindow!.Value : int.MaxValue, SoftCap.Of(config.AttentionSoftCap));

    /// <summary>Returns the first position that the query at a position can see.</summary>
    public int FirstVisible(int position) => Math.Max(0, position - WindowLength + 1);

    /// <summary>Tokens rounded up to whole panels of keys: the length of a row of scores.</summary>
    public static int PaddedTokens(KernelSet kernels, int tokens) => RoundUp(RoundUp(tokens, kernels.PanelWidth), Lanes.Count);

    /// <summary>Head size rounded up to the step in which weighted rows are added.</summary>
    public int PaddedHeadSize(KernelSet kernels) => RoundUp(HeadSize, kernels.ValueWidth);

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}

/// <summary>
/// Causal attention of whole sequences, o = dropout(softmax(s q kᵀ)) v with the scale s, usually 1 / √hs, and its
/// gradients, head by head: 8 queries at a time are multiplied with the keys that they can see. Several query heads may
/// share one head of keys and values, whose gradients are then their sums.
/// </summary>
/// <remarks>
/// Sequences of any lengths T are packed one after another, N rows in all, and none sees another. Their weights (nh, T,
/// T) are never stored as a whole: for each query, only the logarithm of its softmax's sum is kept for the backward
/// pass, which recomputes them. With P = softmax(S), S = s q kᵀ, the mask M of dropout (0 or 1 / (1 − p)), P̃ = P M, o
/// = P̃ v, and D = Σ over hs of do × o: dv = P̃ᵀ do, dP = M (do vᵀ), dS = P (dP − D), dq = s dS k, dk = s dSᵀ q. D is Σ
/// over keys of P dP, which softmax's derivative subtracts. If scores are capped, S = c tanh(s q kᵀ / c), and dS is
/// multiplied by 1 − (S / c)² before dq and dk. Sources: Vaswani et al., "Attention Is All You Need" (2017); Dao et
/// al., "FlashAttention" (2022), appendix B.
/// </remarks>
internal static unsafe class Attention
{
    private const int TileRows = KernelSet.TileRows;
    private const int QueriesPerBlock = 64; // in the backward pass

    /// <summary>(N, (nh + 2 nkv) hs) -> (N, nh hs).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="starts">The first row of each sequence, and N at the end.</param>
    /// <param name="projected">Queries, keys and values, (N, (nh + 2 nkv) hs); readable up to 7 rows past the last.</param>
    /// <param name="attended">Receives the output, (N, nh hs).</param>
    /// <param name="logSumExp">Receives ln Σ e^score of each query, (nh, T) for each sequence.</param>
    /// <param name="dropout">On the weights.</param>
    public static void Forward(
        Compute compute, AttentionShape shape, int[] starts, Matrix projected, Matrix attended, float* logSumExp, Dropout dropout) =>
        compute.ForEach((starts.Length - 1) * shape.KeyHeadCount, item =>
        {
            var (sequence, keyHead) = Math.DivRem(item, shape.KeyHeadCount);
            int first = starts[sequence], tokens = starts[sequence + 1] - first;
            ForwardGroup(
                compute.Kernels, shape, projected.Slice(first, tokens), attended.Slice(first, tokens), logSumExp, dropout, first, keyHead);
        });

    // The query heads that share a head of keys and values.
    private static void ForwardGroup(
        KernelSet kernels, AttentionShape shape, Matrix projected, Matrix attended, float* logSumExp, Dropout dropout,
        int firstRow, int keyHead)
    {
        int tokens = projected.Rows, size = shape.HeadSize, headStride = shape.PaddedHeadSize(kernels);
        int stride = AttentionShape.PaddedTokens(kernels, tokens);
        Matrix keys = KeysOf(shape, projected, keyHead), values = ValuesOf(shape, projected, keyHead);

        float* weights = ThreadScratch.Get((TileRows * (stride + headStride)) + (stride * size) + (tokens * headStride));
        float* gathered = weights + (TileRows * stride);
        float* keyPanels = gathered + (TileRows * headStride);
        float* valueRows = keyPanels + (stride * size);
        PackPanels(kernels, keys, keyPanels);
        CopyRows(values, valueRows, headStride);

        for (int head = keyHead * shape.GroupSize; head < (keyHead + 1) * shape.GroupSize; head++)
        {
            int firstStatistic = (shape.HeadCount * firstRow) + (head * tokens);
            var queries = projected.SliceColumns(head * size, size);
            var output = attended.SliceColumns(head * size, size);
            for (int row = 0; row < tokens; row += TileRows)
            {
                int rows = Math.Min(TileRows, tokens - row), visible = row + rows;
                int from = Align(shape.FirstVisible(row)), count = visible - from;
                Multiply(kernels, queries.Slice(row, rows), keyPanels + (from * size), count, weights, stride);
                for (int i = 0; i < TileRows; i++)
                {
                    float* weight = weights + (i * stride);
                    int begin = 0, end = 0; // keys that the query can see, from the first in the tile
                    if (i < rows)
                    {
                        (begin, end) = (shape.FirstVisible(row + i) - from, row + i + 1 - from);
                        shape.Cap.Apply(weight + begin, end - begin, shape.Scale);
                        begin = Softmax.Hide(weight, begin);
                        logSumExp[firstStatistic + row + i] = Softmax.Apply(weight + begin, end - begin, shape.SoftmaxScale);
                        dropout.Apply(weight + begin, weight + begin, end - begin, firstStatistic + row + i);
                    }

                    Row.Clear(weight, begin);
                    Row.Clear(weight + end, count - end);
                }

                Row.Clear(gathered, TileRows * headStride);
                kernels.AddWeightedRows(count, weights, stride, valueRows + (from * headStride), headStride, gathered, headStride);
                for (int i = 0; i < rows; i++) Row.Copy(gathered + (i * headStride), output.Row(row + i), size);
            }
        }
    }

    /// <summary>(N, nh hs) -> (N, (nh + 2 nkv) hs).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="starts">The first row of each sequence, and N at the end.</param>
    /// <param name="projected">Queries, keys and values, (N, (nh + 2 nkv) hs); readable up to 7 rows past the last.</param>
    /// <param name="attended">The output of the forward pass, (N, nh hs).</param>
    /// <param name="logSumExp">ln Σ e^score of each query, (nh, T) for each sequence.</param>
    /// <param name="dropout">On the weights, as in the forward pass.</param>
    /// <param name="attendedGradient">(N, nh hs); readable up to 7 rows past the last.</param>
    /// <param name="projectedGradient">Receives the gradient, (N, (nh + 2 nkv) hs).</param>
    public static void Backward(
        Compute compute, AttentionShape shape, int[] starts, Matrix projected, Matrix attended, float* logSumExp, Dropout dropout,
        Matrix attendedGradient, Matrix projectedGradient) => compute.ForEach((starts.Length - 1) * shape.KeyHeadCount, item =>
        {
            var (sequence, keyHead) = Math.DivRem(item, shape.KeyHeadCount);
            int first = starts[sequence], tokens = starts[sequence + 1] - first;
            BackwardGroup(
                compute.Kernels, shape, Own(projected), Own(attended), logSumExp, dropout, Own(attendedGradient), Own(projectedGradient),
                first, keyHead);

            Matrix Own(Matrix all) => all.Slice(first, tokens);
        });

    private static void BackwardGroup(
        KernelSet kernels, AttentionShape shape, Matrix projected, Matrix attended, float* logSumExp, Dropout dropout,
        Matrix attendedGradient, Matrix projectedGradient, int firstRow, int keyHead)
    {
        int tokens = projected.Rows, size = shape.HeadSize, headStride = shape.PaddedHeadSize(kernels);
        int stride = AttentionShape.PaddedTokens(kernels, tokens);
        int padded = (tokens + TileRows - 1) / TileRows * TileRows, panels = stride * size, rowsLength = padded * headStride;
        Matrix keys = KeysOf(shape, projected, keyHead), values = ValuesOf(shape, projected, keyHead);

        float* weights = ThreadScratch.Get(
            (((2 * QueriesPerBlock) + 1) * stride) + (2 * panels) + (5 * rowsLength) + (TileRows * headStride));
        float* scoreGradients = weights + (QueriesPerBlock * stride);
        float* keyPanels = scoreGradients + (QueriesPerBlock * stride), valuePanels = keyPanels + panels;
        float* queryRows = valuePanels + panels, keyRows = queryRows + rowsLength, outputRows = keyRows + rowsLength;
        float* keySums = outputRows + rowsLength, valueSums = keySums + rowsLength, querySums = valueSums + rowsLength;
        float* capped = querySums + (TileRows * headStride);
        PackPanels(kernels, keys, keyPanels);
        PackPanels(kernels, values, valuePanels);
        CopyRows(keys, keyRows, headStride);
        Row.Clear(keySums, 2 * rowsLength);

        for (int head = keyHead * shape.GroupSize; head < (keyHead + 1) * shape.GroupSize; head++)
        {
            int firstStatistic = (shape.HeadCount * firstRow) + (head * tokens), column = head * size;
            Matrix queries = projected.SliceColumns(column, size), outputs = attended.SliceColumns(column, size);
            Matrix outputGradient = attendedGradient.SliceColumns(column, size);
            Matrix queryGradient = projectedGradient.SliceColumns(column, size);
            CopyRows(queries, queryRows, headStride);
            CopyRows(outputGradient, outputRows, headStride);
            for (int first = 0; first < tokens; first += QueriesPerBlock)
            {
                // The columns of the block's weights are the keys from its first visible one on.
                int count = Math.Min(QueriesPerBlock, tokens - first), visible = first + count;
                int from = Align(shape.FirstVisible(first));
                for (int tile = 0; tile < count; tile += TileRows)
                {
                    int row = first + tile, rows = Math.Min(TileRows, tokens - row), seen = row + rows - from;
                    float* weight = weights + (tile * stride), gradient = scoreGradients + (tile * stride);
                    Multiply(kernels, queries.Slice(row, rows), keyPanels + (from * size), seen, weight, stride);
                    Multiply(kernels, outputGradient.Slice(row, rows), valuePanels + (from * size), seen, gradient, stride);
                    for (int i = 0; i < TileRows; i++, weight += stride, gradient += stride)
                    {
                        int begin = 0, end = 0;
                        if (i < rows)
                        {
                            (begin, end) = (shape.FirstVisible(row + i) - from, row + i + 1 - from);
                            shape.Cap.Apply(weight + begin, end - begin, shape.Scale);
                            begin = Softmax.Hide(weight, begin);
                            int own = end - begin;
                            float* ownWeight = weight + begin, ownGradient = gradient + begin;
                            float output = Row.Dot(outputGradient.Row(row + i), outputs.Row(row + i), size);
                            if (shape.Cap.IsActive) Row.Copy(ownWeight, capped, own);
                            Softmax.Reapply(ownWeight, own, shape.SoftmaxScale, logSumExp[firstStatistic + row + i]);
                            dropout.Apply(ownGradient, ownGradient, own, firstStatistic + row + i);
                            Row.Map(new ScoreGradient(output, shape.Scale), ownWeight, ownGradient, ownGradient, own);
                            if (shape.Cap.IsActive) shape.Cap.Backward(capped, ownGradient, own);
                            dropout.Apply(ownWeight, ownWeight, own, firstStatistic + row + i);
                        }

                        int columns = Math.Max(visible - from, seen);
                        Row.Clear(weight, begin);
                        Row.Clear(gradient, begin);
                        Row.Clear(weight + end, columns - end);
                        Row.Clear(gradient + end, columns - end);
                    }

                    // dq = dS k
                    Row.Clear(querySums, TileRows * headStride);
                    kernels.AddWeightedRows(
                        seen, scoreGradients + (tile * stride), stride, keyRows + (from * headStride), headStride, querySums, headStride);
                    for (int i = 0; i < rows; i++) Row.Copy(querySums + (i * headStride), queryGradient.Row(row + i), size);
                }

                // dk += dSᵀ q, dv += P̃ᵀ do; keys are visible to the queries from their own positions on.
                for (int key = from; key < visible; key += TileRows)
                {
                    int firstQuery = Math.Max(first, key), depth = visible - firstQuery;
                    nint offset = ((nint)(firstQuery - first) * stride) + key - from;
                    kernels.AddStridedWeightedRows(
                        depth, scoreGradients + offset, 1, stride, queryRows + (firstQuery * headStride), headStride,
                        keySums + (key * headStride), headStride);
                    kernels.AddStridedWeightedRows(
                        depth, weights + offset, 1, stride, outputRows + (firstQuery * headStride), headStride,
                        valueSums + (key * headStride), headStride);
                }
            }
        }

        Matrix keyGradient = KeysOf(shape, projectedGradient, keyHead), valueGradient = ValuesOf(shape, projectedGradient, keyHead);
        for (int row = 0; row < tokens; row++)
        {
            Row.Copy(keySums + (row * headStride), keyGradient.Row(row), size);
            Row.Copy(valueSums + (row * headStride), valueGradient.Row(row), size);
        }
    }

    private static Matrix KeysOf(AttentionShape shape, Matrix projected, int keyHead) =>
        projected.SliceColumns(shape.QueryWidth + (keyHead * shape.HeadSize), shape.HeadSize);

    private static Matrix ValuesOf(AttentionShape shape, Matrix projected, int keyHead) =>
        projected.SliceColumns(shape.QueryWidth + shape.KeyWidth + (keyHead * shape.HeadSize), shape.HeadSize);

    // Tiles of keys begin at multiples of every panel's width and of the lanes, whatever the machine.
    private static int Align(int position) => position / 48 * 48;

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
