using MLNet.Gpt.Configuration;
using MLNet.Gpt.Inference.Threading;

namespace MLNet.Gpt.Inference;

/// <summary>Runs passes over a model's weights, for arguments that were checked and weights that the caller has borrowed.</summary>
internal sealed unsafe class ModelRunner(ModelWeights weights, int threadCount) : IDisposable
{
    // Rows of one pass: enough to pay for reading the weights, few enough for small buffers and prompt cancellation.
    private const int RowsPerPass = 256;
    private const int RowsPerScoringPass = 512;

    private readonly WorkspacePool _workspaces = new(weights.Config);

    private GptConfig Config => weights.Config;

    /// <summary>Appends ids to a session that the caller has entered and that has room, and computes the logits after the last.</summary>
    /// <param name="session">Moves on only when all is done.</param>
    /// <param name="ids">At least one.</param>
    /// <param name="allLogits">Empty, or receives the logits after each id, (count, V).</param>
    /// <param name="cancellationToken">Checked between blocks.</param>
    public void Append(GptSession session, ReadOnlySpan<int> ids, Span<float> allLogits, CancellationToken cancellationToken)
    {
        int position = session.Position;
        for (int first = 0; first < ids.Length; first += RowsPerPass)
        {
            int count = Math.Min(RowsPerPass, ids.Length - first);
            bool isLast = first + count == ids.Length;
            var workspace = _workspaces.Rent(count);
            try
            {
                Segment[] segments = [new(session.Cache, position + first, 0, count)];
                ForwardPass.Run(weights, workspace, segments, ids.Slice(first, count), threadCount, cancellationToken);
                if (!allLogits.IsEmpty)
                {
                    ForwardPass.Normalise(weights, workspace, 0, count, threadCount);
                    fixed (float* logits = allLogits[(first * Config.VocabularySize)..]) ComputeLogits(workspace, count, logits);
                    if (isLast) allLogits[^Config.VocabularySize..].CopyTo(session.LogitsBuffer);
                }
                else if (isLast)
                {
                    ForwardPass.Normalise(weights, workspace, count - 1, 1, threadCount);
                    fixed (float* logits = session.LogitsBuffer) ComputeLogits(workspace, 1, logits);
                }
            }
            finally
            {
                _workspaces.Return(workspace);
            }
        }

        session.Advance(position + ids.Length);
    }

    /// <summary>Appends one id to each of many sessions that the caller has entered and that have room.</summary>
    public void Step(ReadOnlySpan<GptSession> sessions, ReadOnlySpan<int> ids, CancellationToken cancellationToken)
    {
        for (int first = 0; first < ids.Length; first += RowsPerPass)
        {
            int count = Math.Min(RowsPerPass, ids.Length - first);
            StepTogether(sessions.Slice(first, count).ToArray(), ids.Slice(first, count), cancellationToken);
        }
    }

    /// <summary>Scores packed sequences.</summary>
    public void Score(in ScoringBatch batch, CancellationToken cancellationToken)
    {
        // A pass takes whole sequences: as many as fit, at least one. Each needs the keys and values of one layer at a time only.
        int row = 0, target = 0;
        for (int sequence = 0; sequence < batch.Lengths.Length;)
        {
            int end = sequence, rows = 0;
            var scored = new List<int>();
            while (end < batch.Lengths.Length && (rows == 0 || rows + batch.Lengths[end] <= RowsPerScoringPass))
            {
                int length = batch.Lengths[end], context = batch.ContextCounts.IsEmpty ? 0 : batch.ContextCounts[end];
                for (int i = context; i < length; i++) scored.Add(rows + i);
                rows += length;
                end++;
            }

            if (scored.Count > 0)
            {
                ScorePass(batch, batch.Inputs.Slice(row, rows), batch.Lengths[sequence..end], [.. scored], target, cancellationToken);
            }

            row += rows;
            target += scored.Count;
            sequence = end;
        }
    }

    /// <summary>The logits of every position of a sequence, (T, V).</summary>
    public float[] ComputeLogits(ReadOnlySpan<int> ids)
    {
        float[] logits = new float[checked(ids.Length * (long)Config.VocabularySize)];
        ComputeWhole(ids, workspace =>
        {
            fixed (float* start = logits) ComputeLogits(workspace, logits.Length / Config.VocabularySize, start);
        });
        return logits;
    }

    /// <summary>The hidden states of a sequence after the last layer norm, (T, C).</summary>
    public float[] ComputeHiddenStates(ReadOnlySpan<int> ids)
    {
        int width = Config.EmbeddingWidth;
        float[] states = new float[checked(ids.Length * (long)width)];
        ComputeWhole(ids, workspace =>
        {
            for (int row = 0; row < states.Length / width; row++)
            {
                new ReadOnlySpan<float>(workspace.Normalised + ((long)row * workspace.Width), width).CopyTo(states.AsSpan(row * width, width));
            }
        });
        return states;
    }

    public void Dispose() => _workspaces.Dispose();

    private void StepTogether(GptSession[] sessions, ReadOnlySpan<int> ids, CancellationToken cancellationToken)
    {
        int rows = sessions.Length, vocabulary = Config.VocabularySize;
        var segments = new Segment[rows];
        for (int i = 0; i < rows; i++) segments[i] = new(sessions[i].Cache, sessions[i].Position, i, 1);
        var workspace = _workspaces.Rent(rows);
        try
        {
            ForwardPass.Run(weights, workspace, segments, ids, threadCount, cancellationToken);
            ForwardPass.Normalise(weights, workspace, 0, rows, threadCount);
            float* logits = workspace.Logits(vocabulary);
            ComputeLogits(workspace, rows, logits);
            WorkerTeam.Run(rows, threadCount, i =>
            {
                new ReadOnlySpan<float>(logits + ((long)i * vocabulary), vocabulary).CopyTo(sessions[i].LogitsBuffer);
                sessions[i].Advance(sessions[i].Position + 1);
            });
        }
        finally
        {
            _workspaces.Return(workspace);
        }
    }

    private void ScorePass(
        in ScoringBatch batch, ReadOnlySpan<int> inputs, ReadOnlySpan<int> lengths, int[] scored, int firstTarget, CancellationToken cancellationToken)
    {
        var segments = new List<Segment>();
        var workspace = _workspaces.Rent(inputs.Length);
        try
        {
            int row = 0;
            foreach (int length in lengths)
            {
                if (length == 0) continue;
                segments.Add(new(NewCache(length), 0, row, length));
                row += length;
            }

            ForwardPass.Run(weights, workspace, [.. segments], inputs, threadCount, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            ForwardPass.Normalise(weights, workspace, scored, threadCount);
            Scorer.Score(
                weights, workspace, batch.Targets.Slice(firstTarget, scored.Length), batch.Scores.Slice(firstTarget, scored.Length),
                batch.Details, firstTarget, threadCount);
        }
        finally
        {
            foreach (var segment in segments) segment.Cache.Dispose();
            _workspaces.Return(workspace);
        }
    }

    private void ComputeWhole(ReadOnlySpan<int> ids, Action<Workspace> useNormalised)
    {
        if (ids.IsEmpty) return;
        using var cache = NewCache(ids.Length);
        var workspace = _workspaces.Rent(ids.Length);
        try
        {
            ForwardPass.Run(weights, workspace, [new(cache, 0, 0, ids.Length)], ids, threadCount, CancellationToken.None);
            ForwardPass.Normalise(weights, workspace, 0, ids.Length, threadCount);
            useNormalised(workspace);
        }
        finally
        {
            _workspaces.Return(workspace);
        }
    }

    private void ComputeLogits(Workspace workspace, int rows, float* logits) => MatrixProduct.Run(
        weights, weights.Head, workspace.Normalised, workspace.Width, rows, workspace.Quantised,
        logits, Config.VocabularySize, ProductTarget.Store, threadCount);

    private KvCache NewCache(int length)
    {
        var cache = new KvCache(Config, weights.Kernels, layerCount: 1, length);
        cache.EnsureCapacity(length);
        return cache;
    }
}
