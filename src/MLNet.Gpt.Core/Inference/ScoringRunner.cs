using System.Buffers;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Threading;

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

    // With weights up to this number, each thread runs whole passes of some texts by itself: it need not wait for the others
    // after every product, and all weights are in the caches.
    private const long WeightsOfSmallModel = 16_000_000;
    private const int FewestRowsPerPass = 64;
    private const int PassesPerThread = 4;

    /// <summary>Scores all targets of a batch.</summary>
    public void Score(in ScoringBatch batch, CancellationToken cancellationToken)
    {
        int total = batch.Inputs.Length;
        if (threadCount > 1 && total >= 2 * FewestRowsPerPass && weights.Config.ParameterCount <= WeightsOfSmallModel)
        {
            var passes = Divide(batch, Math.Clamp(total / (PassesPerThread * threadCount), FewestRowsPerPass, RowsPerPass));
            if (passes.Max(pass => pass.RowCount) <= total / threadCount)
            {
                ScoreConcurrently(batch, passes, cancellationToken);
                return;
            }
        }

        foreach (var pass in Divide(batch, RowsPerPass)) RunPass(batch, pass, threadCount, cancellationToken);
    }

    // A pass takes whole sequences, with those that continue them: as many as fit, and at least one. Each needs the keys and values of
    // only one layer at a time.
    private static List<Pass> Divide(in ScoringBatch batch, int rowsPerPass)
    {
        var passes = new List<Pass>();
        int row = 0, scored = 0;
        for (int sequence = 0; sequence < batch.Lengths.Length;)
        {
            int end = sequence, rows = 0;
            while (end < batch.Lengths.Length)
            {
                int next = batch.EndOfTree(end), count = 0;
                for (int i = end; i < next; i++) count += batch.Lengths[i];
                if (rows > 0 && rows + count > rowsPerPass) break;
                rows += count;
                end = next;
            }

            if (rows > 0) passes.Add(new(sequence, end, row, rows, scored));
            foreach (int target in batch.Targets.Slice(row, rows)) scored += target >= 0 ? 1 : 0;
            row += rows;
            sequence = end;
        }

        return passes;
    }

    private void ScoreConcurrently(in ScoringBatch batch, List<Pass> passes, CancellationToken cancellationToken)
    {
        int inputCount = batch.Inputs.Length, targetCount = batch.Targets.Length, scoreCount = batch.Scores.Length;
        int lengthCount = batch.Lengths.Length, firstDetail = batch.FirstDetail;
        var (details, pair, ends, parents) = (batch.Details, batch.Pair, batch.Ends, batch.Parents);
        fixed (int* inputs = batch.Inputs, targets = batch.Targets, lengths = batch.Lengths)
        fixed (TokenScore* scores = batch.Scores)
        {
            int* allInputs = inputs, allTargets = targets, allLengths = lengths; // a lambda cannot capture fixed variables
            TokenScore* allScores = scores;
            WorkerTeam.Run(
                passes.Count,
                threadCount,
                i => RunPass(
                    new ScoringBatch
                    {
                        Inputs = new(allInputs, inputCount),
                        Targets = new(allTargets, targetCount),
                        Lengths = new(allLengths, lengthCount),
                        Parents = parents,
                        Scores = new(allScores, scoreCount),
                        Details = details,
                        Pair = pair,
                        FirstDetail = firstDetail,
                        Ends = ends,
                    },
                    passes[i],
                    threads: 1,
                    cancellationToken),
                work: (double)weights.Config.ParameterCount * inputCount);
        }
    }

    private void RunPass(in ScoringBatch batch, Pass pass, int threads, CancellationToken cancellationToken)
    {
        var workspace = workspaces.Rent(pass.RowCount);
        try
        {
            RunBlocks(workspace, batch, pass, threads, cancellationToken);
            ScoreTargets(workspace, batch, pass, threads, cancellationToken);
            if (batch.Ends is { } ends)
            {
                ShowEnds(workspace, batch.Lengths[pass.FirstSequence..pass.EndSequence], ends, pass.FirstSequence, threads);
            }
        }
        finally
        {
            workspaces.Return(workspace);
        }
    }

    // Leaves the residual stream of the pass's sequences in the workspace.
    private void RunBlocks(Workspace workspace, in ScoringBatch batch, Pass pass, int threads, CancellationToken cancellationToken)
    {
        var segments = new List<Segment>();
        try
        {
            int row = 0;
            var lengths = batch.Lengths[pass.FirstSequence..pass.EndSequence];
            int[] indexes = new int[lengths.Length]; // of the sequences' segments
            for (int i = 0; i < lengths.Length; i++)
            {
                if (lengths[i] == 0) continue;
                indexes[i] = segments.Count;
                int parent = batch.Parents?[pass.FirstSequence + i] is { } sequence and >= 0 ? indexes[sequence - pass.FirstSequence] : -1;
                int position = parent < 0 ? 0 : segments[parent].Position + segments[parent].Count, length = position + lengths[i];
                var cache = new KvCache(weights.Config, weights.Kernels, layerCount: 1, length);
                segments.Add(new(cache, position, row, lengths[i]) { Parent = parent });
                if (parent >= 0) cache.Borrow(segments[parent].Cache, position);
                cache.EnsureCapacity(length);
                row += lengths[i];
            }

            var inputs = batch.Inputs.Slice(pass.FirstRow, pass.RowCount);
            ForwardPass.Run(weights, workspace, [.. segments], inputs, threads, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
        }
        finally
        {
            foreach (var segment in segments) segment.Cache.Dispose();
        }
    }

    // The output head processes only the rows with a target, packed together.
    private void ScoreTargets(
        Workspace workspace, in ScoringBatch batch, Pass pass, int threads, CancellationToken cancellationToken)
    {
        var (firstRow, rows, firstScore) = (pass.FirstRow, pass.RowCount, pass.FirstScore);
        var wanted = new List<int>(rows);
        for (int row = 0; row < rows; row++)
        {
            if (batch.Targets[firstRow + row] >= 0) wanted.Add(row);
        }

        if (wanted.Count == 0) return;
        int[] scored = [.. wanted], targets = new int[scored.Length];
        for (int i = 0; i < scored.Length; i++) targets[i] = batch.Targets[firstRow + scored[i]];
        ForwardPass.Normalize(weights, workspace, scored, threads);
        var scores = batch.Scores.Slice(firstScore, scored.Length);
        if (batch.Pair is { } pair)
        {
            pair.Reference.Scoring.ScoreBeside(weights, workspace, batch, pass, scored, targets, scores, threads, cancellationToken);
            return;
        }

        var details = batch.Details is null ? null : new DetailParts(batch.Details, batch.FirstDetail + firstScore);
        Scorer.Score(weights, workspace, targets, scores, details, threads);
    }

    // Runs the same pass with this model as the reference of another one, whose normalized rows are in its workspace.
    private void ScoreBeside(
        ModelWeights model, Workspace modelRows, in ScoringBatch batch, Pass pass, int[] scored, ReadOnlySpan<int> targets,
        Span<TokenScore> scores, int threads, CancellationToken cancellationToken)
    {
        var workspace = workspaces.Rent(pass.RowCount);
        try
        {
            RunBlocks(workspace, batch, pass, threads, cancellationToken);
            ForwardPass.Normalize(weights, workspace, scored, threads);
            PairScorer.Score(
                weights, workspace, model, modelRows, targets, scores, batch.Pair!, batch.FirstDetail + pass.FirstScore, threads);
        }
        finally
        {
            workspaces.Return(workspace);
        }
    }

    private void ShowEnds(Workspace workspace, ReadOnlySpan<int> lengths, SequenceEnds ends, int firstSequence, int threads)
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
        ForwardPass.Normalize(weights, workspace, [.. rows], threads);
        float[] logits = ends.WantsLogits ? ArrayPool<float>.Shared.Rent(Math.Min(EndsPerProduct, wanted.Count) * vocabulary) : [];
        for (int first = 0; first < wanted.Count; first += EndsPerProduct)
        {
            int count = Math.Min(EndsPerProduct, wanted.Count - first);
            if (ends.WantsLogits)
            {
                fixed (float* start = logits)
                {
                    var normalized = workspace.BuffersOf(wanted.Count).Normalized.Slice(first, count);
                    ForwardPass.ComputeLogits(weights, workspace, normalized, start, threads);
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

    // Sequences that are computed together, their rows, and the place of their first score.
    private readonly record struct Pass(int FirstSequence, int EndSequence, int FirstRow, int RowCount, int FirstScore);
}
