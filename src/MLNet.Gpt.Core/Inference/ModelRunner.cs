using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Inference;

/// <summary>
/// Runs passes over a model's weights, for checked arguments and weights that the caller has borrowed.
/// </summary>
internal sealed unsafe class ModelRunner : IDisposable
{
    // Rows of one pass: enough to pay for reading the weights, few enough for small buffers and prompt cancellation.
    private const int RowsPerPass = 256;

    private readonly ModelWeights _weights;
    private readonly int _threadCount;
    private readonly WorkspacePool _workspaces;

    public ModelRunner(ModelWeights weights, int threadCount)
    {
        (_weights, _threadCount, _workspaces) = (weights, threadCount, new(weights.Config));
        Scoring = new(weights, _workspaces, threadCount);
    }

    /// <summary>Scores packed sequences.</summary>
    public ScoringRunner Scoring { get; }

    private GptConfig Config => _weights.Config;

    /// <summary>Appends ids to a session that the caller has entered and that has room, and computes the logits after the last.</summary>
    /// <param name="session">
    /// It advances only when everything is done: until then, results are stored where they do not count.
    /// </param>
    /// <param name="ids">At least one.</param>
    /// <param name="allLogits">Empty, or receives the logits after each id, (count, V).</param>
    /// <param name="cancellationToken">Checked between blocks.</param>
    public void Append(GptSession session, ReadOnlySpan<int> ids, Span<float> allLogits, CancellationToken cancellationToken)
    {
        int position = session.Position;
        float[] nextLogits = session.NextLogits;
        for (int first = 0; first < ids.Length; first += RowsPerPass)
        {
            int count = Math.Min(RowsPerPass, ids.Length - first);
            bool isLast = first + count == ids.Length;
            var workspace = _workspaces.Rent(count);
            try
            {
                Segment[] segments = [new(session.Cache, position + first, 0, count)];
                ForwardPass.Run(_weights, workspace, segments, ids.Slice(first, count), _threadCount, cancellationToken);
                if (!allLogits.IsEmpty)
                {
                    ForwardPass.Normalize(_weights, workspace, 0, count, _threadCount);
                    fixed (float* logits = allLogits[(first * Config.VocabularySize)..]) ComputeLogits(workspace, count, logits);
                    if (isLast) allLogits[^Config.VocabularySize..].CopyTo(nextLogits);
                }
                else if (isLast)
                {
                    ForwardPass.Normalize(_weights, workspace, count - 1, 1, _threadCount);
                    fixed (float* logits = nextLogits) ComputeLogits(workspace, 1, logits);
                }
            }
            finally
            {
                _workspaces.Return(workspace);
            }
        }

        session.Advance(position + ids.Length);
    }

    /// <summary>
    /// Appends one id to each of many sessions that the caller has entered and that have room; either all advance at
    /// the end, or none.
    /// </summary>
    public void Step(GptSession[] sessions, ReadOnlySpan<int> ids, CancellationToken cancellationToken)
    {
        foreach (var session in sessions) _ = session.NextLogits; // allocates the memory before anything is computed
        for (int first = 0; first < ids.Length; first += RowsPerPass)
        {
            int count = Math.Min(RowsPerPass, ids.Length - first);
            StepTogether(sessions[first..(first + count)], ids.Slice(first, count), cancellationToken);
        }

        foreach (var session in sessions) session.Advance(session.Position + 1);
    }

    /// <summary>Computes the logits of every position of a sequence, (T, V).</summary>
    public void ComputeLogits(ReadOnlySpan<int> ids, Span<float> logits, CancellationToken cancellationToken)
    {
        if (ids.IsEmpty) return;
        var workspace = _workspaces.Rent(ids.Length);
        try
        {
            RunWhole(workspace, ids, [ids.Length], cancellationToken);
            fixed (float* start = logits) ComputeLogits(workspace, ids.Length, start);
        }
        finally
        {
            _workspaces.Return(workspace);
        }
    }

    /// <summary>Computes the hidden states of packed sequences after the last layer norm, (N, C).</summary>
    public void ComputeHiddenStates(
        ReadOnlySpan<int> ids, ReadOnlySpan<int> lengths, Span<float> states, CancellationToken cancellationToken)
    {
        if (ids.IsEmpty) return;
        int width = Config.EmbeddingWidth;
        var workspace = _workspaces.Rent(ids.Length);
        try
        {
            RunWhole(workspace, ids, lengths, cancellationToken);
            for (int row = 0; row < ids.Length; row++)
            {
                new ReadOnlySpan<float>(
                    workspace.Normalized + ((long)row * workspace.Width), width).CopyTo(states.Slice(row * width, width));
            }
        }
        finally
        {
            _workspaces.Return(workspace);
        }
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
            ForwardPass.Run(_weights, workspace, segments, ids, _threadCount, cancellationToken);
            ForwardPass.Normalize(_weights, workspace, 0, rows, _threadCount);
            float* logits = workspace.Logits(vocabulary);
            ComputeLogits(workspace, rows, logits);
            WorkerTeam.Run(
                rows,
                _threadCount,
                i => new ReadOnlySpan<float>(logits + ((long)i * vocabulary), vocabulary).CopyTo(sessions[i].NextLogits));
        }
        finally
        {
            _workspaces.Return(workspace);
        }
    }

    // Leaves the normalized rows of whole sequences, each of at least one token, in the workspace.
    private void RunWhole(Workspace workspace, ReadOnlySpan<int> ids, ReadOnlySpan<int> lengths, CancellationToken cancellationToken)
    {
        var segments = new List<Segment>(lengths.Length);
        try
        {
            int row = 0;
            foreach (int length in lengths)
            {
                var cache = new KvCache(Config, _weights.Kernels, layerCount: 1, length);
                segments.Add(new(cache, 0, row, length));
                cache.EnsureCapacity(length);
                row += length;
            }

            ForwardPass.Run(_weights, workspace, [.. segments], ids, _threadCount, cancellationToken);
        }
        finally
        {
            foreach (var segment in segments) segment.Cache.Dispose();
        }

        ForwardPass.Normalize(_weights, workspace, 0, ids.Length, _threadCount);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private void ComputeLogits(Workspace workspace, int rows, float* logits) =>
        ForwardPass.ComputeLogits(_weights, workspace, workspace.BuffersOf(rows).Normalized, logits, _threadCount);
}
