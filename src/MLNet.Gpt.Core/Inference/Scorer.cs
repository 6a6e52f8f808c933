using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Inference;

/// <summary>
/// Computes the output head and the loss together: logits exist only for a chunk of a few hundred tokens of the vocabulary
/// at a time.
/// </summary>
/// <remarks>
/// Each chunk of 384 ids yields a maximum, a sum of exponentials and a count of logits above the target's for every
/// row. The chunks are combined in the order of the vocabulary, so the result does not depend on which thread computed
/// which.
/// </remarks>
internal static unsafe class Scorer
{
    private const int RowsPerUnit = 128;

    /// <summary>Ids of the vocabulary whose logits exist at a time: a multiple of the width of every matrix's panels.</summary>
    public const int IdsPerChunk = 384;

    /// <summary>Scores the target of each normalized row of the workspace.</summary>
    /// <param name="weights">The model; borrowed by the caller.</param>
    /// <param name="workspace">Contains the normalized rows, from 0.</param>
    /// <param name="targets">One id per row.</param>
    /// <param name="scores">Receives one score per row.</param>
    /// <param name="details">Receives what else is requested; <see langword="null"/> if nothing is.</param>
    /// <param name="threadCount">Threads to work on.</param>
    /// <exception cref="InvalidOperationException">A loss is not a number.</exception>
    public static void Score(
        ModelWeights weights,
        Workspace workspace,
        ReadOnlySpan<int> targets,
        Span<TokenScore> scores,
        DetailParts? details,
        int threadCount)
    {
        var head = weights.Head;
        int rows = targets.Length, vocabulary = head.Outputs;
        Prepare(weights, workspace, rows, threadCount);
        float[] targetLogits = TargetLogits(weights, workspace, targets, threadCount);
        int panelsPerChunk = IdsPerChunk / head.PanelWidth, width = panelsPerChunk * head.PanelWidth;
        int chunks = (vocabulary + width - 1) / width, rowUnits = (rows + RowsPerUnit - 1) / RowsPerUnit;
        var parts = new LogSumExp[checked(rows * chunks)];
        var cap = SoftCap.Of(weights.Config.LogitSoftCap);
        details?.Prepare(rows, chunks, width);
        WorkerTeam.Run(rowUnits * chunks, threadCount, unit =>
        {
            int firstRow = unit % rowUnits * RowsPerUnit, count = Math.Min(RowsPerUnit, rows - firstRow), chunk = unit / rowUnits;
            float* tile = ThreadScratch.Get(MatrixProduct.ScratchLength + (RowsPerUnit * width));
            float* logits = tile + MatrixProduct.ScratchLength;
            ComputeChunk(weights, workspace, firstRow, count, chunk * panelsPerChunk, panelsPerChunk, tile, logits);
            int valid = Math.Min(width, vocabulary - (chunk * width));
            for (int row = 0; row < count; row++)
            {
                cap.Apply(logits + (row * width), valid);
                ref var part = ref parts[((firstRow + row) * chunks) + chunk];
                part = LogSumExp.Of(logits + (row * width), valid, targetLogits[firstRow + row]);
                details?.Add(firstRow + row, chunk, logits + (row * width), valid, part.Maximum);
            }
        },
        work: (double)rows * head.Depth * vocabulary);

        for (int row = 0; row < rows; row++)
        {
            var ofRow = parts.AsSpan(row * chunks, chunks);
            double logSumExp = LogSumExp.Combine(ofRow);
            scores[row] = Combine(ofRow, logSumExp, targetLogits[row], targets[row], row);
            details?.Combine(row, ofRow, logSumExp);
        }
    }

    /// <summary>Computes what the head's products need of the normalized rows besides these.</summary>
    public static void Prepare(ModelWeights weights, Workspace workspace, int rows, int threadCount)
    {
        var head = weights.Head;
        if (head.TakesBytes)
        {
            MatrixProduct.Quantize(head, workspace.Normalized, workspace.Width, rows, workspace.Quantized, threadCount);
        }

        head.Update?.Project(
            new(weights.Kernels, threadCount), workspace.BuffersOf(rows).Normalized, workspace.HeadUpdate(head.Update.Rank));
    }

    /// <summary>Returns the score of a target from the chunks of its row.</summary>
    /// <exception cref="InvalidOperationException">The loss is not a number.</exception>
    public static TokenScore Combine(ReadOnlySpan<LogSumExp> chunks, double logSumExp, float targetLogit, int target, int row)
    {
        double loss = logSumExp - targetLogit;
        if (double.IsNaN(loss))
        {
            throw new InvalidOperationException(
                $"The loss of target id {target} (row {row} of the pass) is not a number; the model's weights contain NaN "
                + "or its activations overflow.");
        }

        int rank = 0;
        float greatest = float.NegativeInfinity;
        foreach (var chunk in chunks)
        {
            rank += chunk.AboveTarget;
            greatest = Math.Max(greatest, chunk.Maximum);
        }

        return new((float)Math.Max(0, loss), rank) { TopNegativeLogLikelihood = (float)Math.Max(0, logSumExp - greatest) };
    }

    /// <summary>Computes logits, (rows, panels × panel width), for at most 128 rows.</summary>
    /// <param name="weights">The model.</param>
    /// <param name="w">Contains the normalized rows; also as bytes if the head takes those.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="firstPanel">The first panel of the head.</param>
    /// <param name="panelCount">The number of panels; those past the end are left out.</param>
    /// <param name="tile">Scratch of <see cref="MatrixProduct.ScratchLength"/>.</param>
    /// <param name="logits">Receives the logits.</param>
    public static void ComputeChunk(
        ModelWeights weights, Workspace w, int firstRow, int rows, int firstPanel, int panelCount, float* tile, float* logits)
    {
        var head = weights.Head;
        int width = panelCount * head.PanelWidth;
        byte* quantized = w.Quantized + ((long)firstRow * QuantizedRow.StrideOf(head.Depth));
        for (int panel = 0; panel < panelCount && firstPanel + panel < head.PanelCount; panel++)
        {
            MatrixProduct.MultiplyPanel(
                weights.Kernels, head, firstPanel + panel, w.Normalized + ((long)firstRow * w.Width), w.Width, rows, quantized, tile);
            for (int row = 0; row < rows; row++)
            {
                AddUpdate(head, w, firstRow + row, firstPanel + panel, tile + (row * head.PanelWidth));
                new ReadOnlySpan<float>(tile + (row * head.PanelWidth), head.PanelWidth)
                    .CopyTo(new Span<float>(logits + (row * width) + (panel * head.PanelWidth), head.PanelWidth));
            }
        }
    }

    /// <summary>Returns the logit of each row's target.</summary>
    // Runs the same kernel on the target's own panel, which gives the same bits as in the chunk, so that a target never
    // ranks below itself.
    public static float[] TargetLogits(ModelWeights weights, Workspace w, ReadOnlySpan<int> targets, int threadCount)
    {
        var head = weights.Head;
        int[] ids = targets.ToArray();
        float[] logits = new float[ids.Length];
        var cap = SoftCap.Of(weights.Config.LogitSoftCap);
        WorkerTeam.Run(ids.Length, threadCount, i =>
        {
            float* tile = ThreadScratch.Get(MatrixProduct.ScratchLength);
            float* input = w.Normalized + ((long)i * w.Width);
            byte* quantized = w.Quantized + ((long)i * QuantizedRow.StrideOf(head.Depth));
            MatrixProduct.MultiplyVector(weights.Kernels, head, ids[i] / head.PanelWidth, 1, input, quantized, tile);
            AddUpdate(head, w, i, ids[i] / head.PanelWidth, tile);
            float* logit = tile + (ids[i] % head.PanelWidth);
            cap.Apply(logit, 1);
            logits[i] = *logit;
        });
        return logits;
    }

    // Adds the updates of a model with adapters to a row's logits of one panel.
    private static void AddUpdate(PackedMatrix head, Workspace w, int row, int panel, float* logits)
    {
        if (head.Update is not { } update) return;
        int column = panel * head.PanelWidth, count = Math.Min(head.PanelWidth, head.Outputs - column);
        update.AddOutputs(logits, w.HeadUpdate(update.Rank) + ((nint)row * update.Rank), column, count);
    }
}
