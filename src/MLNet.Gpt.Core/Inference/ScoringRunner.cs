using System.Buffers;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Inference;

/// <summary>
/// Runs the passes that score packed sequences, for checked batches and weights that the caller has borrowed.
/// </summary>
internal sealed unsafe class ScoringRunner(ModelWeights weights, WorkspacePool workspaces, int threadCount)
{
    // Rows of one pass: enough to pay for reading the weights, few enough for small buffers and prompt cancellation.
    private const int RowsPerPass = 512;

    // Sequences whose next token is computed at once: enough to pay for reading the head, few enough for their logits to stay small.
    private const int EndsPerProduct = 32;

    /// <summary>Scores all targets of a batch.</summary>
    public void Score(in ScoringBatch batch, CancellationToken cancellationToken)
    {
        // A pass takes whole sequences: as many as fit, and at least one. Each needs the keys and values of only one
        // layer at a time.
        int row = 0, scored = 0;
        for (int sequence = 0; sequence < batch.Lengths.Length;)
        {
            int end = sequence, rows = 0;
            while (end < batch.Lengths.Length && (rows == 0 || rows + batch.Lengths[end] <= RowsPerPass)) rows += batch.Lengths[end++];
            if (rows > 0) scored += RunPass(batch, row, rows, scored, sequence, end, cancellationToken);
            row += rows;
            sequence = end;
        }
    }

    // Returns the number of targets that were scored.
    private int RunPass(
        in ScoringBatch batch,
        int firstRow,
        int rows,
        int firstScore,
        int firstSequence,
        int endSequence,
        CancellationToken cancellationToken)
    {
        var lengths = batch.Lengths[firstSequence..endSequence];
        var segments = new List<Segment>();
        var workspace = workspaces.Rent(rows);
        try
        {
            int row = 0;
            foreach (int length in lengths)
            {
                if (length == 0) continue;
                var cache = new KvCache(weights.Config, weights.Kernels, layerCount: 1, length);
                segments.Add(new(cache, 0, row, length));
                cache.EnsureCapacity(length);
                row += length;
            }

            ForwardPass.Run(weights, workspace, [.. segments], batch.Inputs.Slice(firstRow, rows), threadCount, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            int scored = ScoreTargets(workspace, batch, firstRow, rows, firstScore);
            if (batch.Ends is { } ends) ShowEnds(workspace, lengths, ends, firstSequence);
            return scored;
        }
        finally
        {
            foreach (var segment in segments) segment.Cache.Dispose();
            workspaces.Return(workspace);
        }
    }

    // The output head processes only the rows with a target, packed together.
    private int ScoreTargets(Workspace workspace, in ScoringBatch batch, int firstRow, int rows, int firstScore)
    {
        var wanted = new List<int>(rows);
        for (int row = 0; row < rows; row++)
        {
            if (batch.Targets[firstRow + row] >= 0) wanted.Add(row);
        }

        if (wanted.Count == 0) return 0;
        int[] scored = [.. wanted], targets = new int[scored.Length];
        for (int i = 0; i < scored.Length; i++) targets[i] = batch.Targets[firstRow + scored[i]];
        ForwardPass.Normalize(weights, workspace, scored, threadCount);
        var details = batch.Details is null ? null : new DetailParts(batch.Details, batch.FirstDetail + firstScore);
        Scorer.Score(weights, workspace, targets, batch.Scores.Slice(firstScore, scored.Length), details, threadCount);
        return scored.Length;
    }

    private void ShowEnds(Workspace workspace, ReadOnlySpan<int> lengths, SequenceEnds ends, int firstSequence)
    {
        int width = weights.Config.EmbeddingWidth, vocabulary = weights.Config.VocabularySize, row = -1;
        List<int> wanted = [], rows = [];
        for (int i = 0; i < lengths.Length; i++)
        {
            row += lengths[i];
            if (lengths[i] == 0 || !ends.IsWanted(firstSequence + i)) continue;
            wanted.Add(firstSequence + i);
            rows.Add(row);
        }

        if (wanted.Count == 0) return;
        ForwardPass.Normalize(weights, workspace, [.. rows], threadCount);
        float[] logits = ends.WantsLogits ? ArrayPool<float>.Shared.Rent(Math.Min(EndsPerProduct, wanted.Count) * vocabulary) : [];
        for (int first = 0; first < wanted.Count; first += EndsPerProduct)
        {
            int count = Math.Min(EndsPerProduct, wanted.Count - first);
            if (ends.WantsLogits)
            {
                fixed (float* start = logits)
                {
                    weights.Head.Multiply(
                        new(weights.Kernels, threadCount),
                        workspace.BuffersOf(wanted.Count).Normalized.Slice(first, count), workspace.Quantized,
                        new StoreSink(new(start, count, vocabulary, vocabulary), weights.Head.Bias));
                }
            }

            for (int i = 0; i < count; i++)
            {
                var state = new ReadOnlySpan<float>(workspace.Normalized + ((long)(first + i) * workspace.Width), width);
                ends.Show(wanted[first + i], state, ends.WantsLogits ? logits.AsSpan(i * vocabulary, vocabulary) : []);
            }
        }

        if (logits.Length > 0) ArrayPool<float>.Shared.Return(logits);
    }
}
