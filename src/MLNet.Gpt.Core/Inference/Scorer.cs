using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Inference;

/// <summary>The output head and the loss in one: logits exist only as tiles of a few hundred tokens of the vocabulary.</summary>
/// <remarks>
/// Each stretch of 384 ids gives every row a maximum, a sum of exponentials and a count of logits above the target's; the stretches
/// are folded in order of the vocabulary, so the result does not depend on which thread did which.
/// </remarks>
internal static unsafe class Scorer
{
    private const int RowsPerUnit = 64;
    private const int IdsPerStretch = 384;

    /// <summary>Scores the target of each normalised row of the workspace.</summary>
    /// <param name="weights">The model; borrowed by the caller.</param>
    /// <param name="workspace">Holds the normalised rows, from 0.</param>
    /// <param name="targets">One id a row.</param>
    /// <param name="scores">Receives one score a row.</param>
    /// <param name="details">Receives what else is wanted; <see langword="null"/> where nothing is.</param>
    /// <param name="threadCount">Threads to work on.</param>
    /// <exception cref="InvalidOperationException">A loss is not a number.</exception>
    public static void Score(
        ModelWeights weights, Workspace workspace, ReadOnlySpan<int> targets, Span<TokenScore> scores, PredictionDetails? details, int threadCount)
    {
        var head = weights.Head;
        int rows = targets.Length, vocabulary = head.Outputs;
        if (head.Precision == WeightPrecision.Int8)
        {
            MatrixProduct.Quantise(head.Depth, workspace.Normalised, workspace.Width, rows, workspace.Quantised, threadCount);
        }

        float[] targetLogits = TargetLogits(weights, workspace, targets, threadCount);
        int panelsPerStretch = IdsPerStretch / head.PanelWidth, width = panelsPerStretch * head.PanelWidth;
        int stretches = (vocabulary + width - 1) / width, rowUnits = (rows + RowsPerUnit - 1) / RowsPerUnit;
        var parts = new LogSumExp[checked(rows * stretches)];
        var detailParts = details is null ? null : new DetailParts(details, rows, stretches, width);
        WorkerTeam.Run(rowUnits * stretches, threadCount, unit =>
        {
            int firstRow = unit % rowUnits * RowsPerUnit, count = Math.Min(RowsPerUnit, rows - firstRow), stretch = unit / rowUnits;
            float* tile = ThreadScratch.Get(MatrixProduct.ScratchLength + (RowsPerUnit * width));
            float* logits = tile + MatrixProduct.ScratchLength;
            ComputeStretch(weights, workspace, firstRow, count, stretch * panelsPerStretch, panelsPerStretch, tile, logits);
            int valid = Math.Min(width, vocabulary - (stretch * width));
            for (int row = 0; row < count; row++)
            {
                ref var part = ref parts[((firstRow + row) * stretches) + stretch];
                part = LogSumExp.Of(logits + (row * width), valid, targetLogits[firstRow + row]);
                detailParts?.Add(firstRow + row, stretch, logits + (row * width), valid, part.Maximum);
            }
        });

        for (int row = 0; row < rows; row++)
        {
            var ofRow = parts.AsSpan(row * stretches, stretches);
            double logSumExp = LogSumExp.Combine(ofRow);
            scores[row] = Combine(ofRow, logSumExp, targetLogits[row], targets[row], row);
            detailParts?.Combine(row, ofRow, logSumExp);
        }
    }

    private static TokenScore Combine(ReadOnlySpan<LogSumExp> stretches, double logSumExp, float targetLogit, int target, int row)
    {
        double loss = logSumExp - targetLogit;
        if (double.IsNaN(loss))
        {
            throw new InvalidOperationException(
                $"The loss of target id {target} (row {row} of the pass) is not a number; the model's weights hold NaN or its activations overflow.");
        }

        int rank = 0;
        float greatest = float.NegativeInfinity;
        foreach (var stretch in stretches)
        {
            rank += stretch.AboveTarget;
            greatest = Math.Max(greatest, stretch.Maximum);
        }

        return new((float)Math.Max(0, loss), rank) { TopNegativeLogLikelihood = (float)Math.Max(0, logSumExp - greatest) };
    }

    private static void ComputeStretch(
        ModelWeights weights, Workspace w, int firstRow, int rows, int firstPanel, int panelCount, float* tile, float* logits)
    {
        var head = weights.Head;
        int width = panelCount * head.PanelWidth;
        byte* quantised = w.Quantised + ((long)firstRow * QuantisedRow.StrideOf(head.Depth));
        for (int panel = 0; panel < panelCount && firstPanel + panel < head.PanelCount; panel++)
        {
            MatrixProduct.MultiplyPanel(weights.Kernels, head, firstPanel + panel, w.Normalised + ((long)firstRow * w.Width), w.Width, rows, quantised, tile);
            for (int row = 0; row < rows; row++)
            {
                new ReadOnlySpan<float>(tile + (row * head.PanelWidth), head.PanelWidth)
                    .CopyTo(new Span<float>(logits + (row * width) + (panel * head.PanelWidth), head.PanelWidth));
            }
        }
    }

    // The same kernel on the target's own panel: the same bits as in the stretch, so that a target never ranks below itself.
    private static float[] TargetLogits(ModelWeights weights, Workspace w, ReadOnlySpan<int> targets, int threadCount)
    {
        var head = weights.Head;
        int[] ids = targets.ToArray();
        float[] logits = new float[ids.Length];
        WorkerTeam.Run(ids.Length, threadCount, i =>
        {
            float* tile = ThreadScratch.Get(MatrixProduct.ScratchLength);
            float* input = w.Normalised + ((long)i * w.Width);
            byte* quantised = w.Quantised + ((long)i * QuantisedRow.StrideOf(head.Depth));
            MatrixProduct.MultiplyVector(weights.Kernels, head, ids[i] / head.PanelWidth, 1, input, quantised, tile);
            logits[i] = tile[ids[i] % head.PanelWidth];
        });
        return logits;
    }
}
