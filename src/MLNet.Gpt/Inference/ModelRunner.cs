using System.Buffers;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Inference.Threading;

namespace MLNet.Gpt.Inference;

/// <summary>Runs passes over a model's weights, for arguments that were checked and weights that the caller has borrowed.</summary>
internal sealed unsafe class ModelRunner(ModelWeights weights, int threadCount) : IDisposable
{
    // Rows of one pass: enough to pay for reading the weights, few enough for small buffers and prompt cancellation.
    private const int RowsPerPass = 256;
    private const int RowsPerScoringPass = 512;

    // Sequences whose next token is computed at once: enough to pay for reading the head, few enough for their logits to stay small.
    private const int EndsPerProduct = 32;

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

    /// <summary>Scores packed sequences of the given lengths, and shows what stands after the last token of those that are asked for.</summary>
    /// <param name="inputs">The input ids of all sequences.</param>
    /// <param name="targets">For each input the id that follows; an input with a negative one is not scored.</param>
    /// <param name="lengths">The length of each sequence.</param>
    /// <param name="scores">Receives one score a target; what it receives where nothing is scored means nothing.</param>
    /// <param name="ends">Whose ends are wanted; <see langword="null"/> for nobody's.</param>
    /// <param name="cancellationToken">Checked between layers.</param>
    public void Score(
        ReadOnlySpan<int> inputs,
        ReadOnlySpan<int> targets,
        ReadOnlySpan<int> lengths,
        Span<TokenScore> scores,
        SequenceEnds? ends,
        CancellationToken cancellationToken)
    {
        // A pass takes whole sequences: as many as fit, at least one. Each needs the keys and values of one layer at a time only.
        int row = 0;
        for (int sequence = 0; sequence < lengths.Length;)
        {
            int end = sequence, rows = 0;
            while (end < lengths.Length && (rows == 0 || rows + lengths[end] <= RowsPerScoringPass)) rows += lengths[end++];
            if (rows > 0)
            {
                ScorePass(
                    inputs.Slice(row, rows), targets.Slice(row, rows), lengths[sequence..end], scores.Slice(row, rows), ends, sequence, cancellationToken);
            }

            row += rows;
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
        ReadOnlySpan<int> inputs,
        ReadOnlySpan<int> targets,
        ReadOnlySpan<int> lengths,
        Span<TokenScore> scores,
        SequenceEnds? ends,
        int firstSequence,
        CancellationToken cancellationToken)
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
            ForwardPass.Normalise(weights, workspace, 0, inputs.Length, threadCount);
            ScoreTargets(workspace, targets, scores);
            if (ends is not null) ShowEnds(workspace, lengths, ends, firstSequence);
        }
        finally
        {
            foreach (var segment in segments) segment.Cache.Dispose();
            _workspaces.Return(workspace);
        }
    }

    private void ScoreTargets(Workspace workspace, ReadOnlySpan<int> targets, Span<TokenScore> scores)
    {
        int unscored = 0;
        foreach (int target in targets) unscored += target < 0 ? 1 : 0;
        if (unscored == targets.Length) return;
        if (unscored == 0)
        {
            Scorer.Score(weights, workspace, targets, scores, threadCount);
            return;
        }

        int[] anyway = targets.ToArray();
        foreach (ref int target in anyway.AsSpan()) target = Math.Max(0, target);
        Scorer.Score(weights, workspace, anyway, scores, threadCount);
    }

    private void ShowEnds(Workspace workspace, ReadOnlySpan<int> lengths, SequenceEnds ends, int firstSequence)
    {
        // The wanted rows move to the front, each to a row at or before its own.
        int width = Config.EmbeddingWidth, vocabulary = Config.VocabularySize, row = -1;
        var wanted = new List<int>();
        for (int i = 0; i < lengths.Length; i++)
        {
            row += lengths[i];
            if (lengths[i] == 0 || !ends.IsWanted(firstSequence + i)) continue;
            Row(workspace, row).CopyTo(Row(workspace, wanted.Count));
            wanted.Add(firstSequence + i);
        }

        float[] logits = ends.WantsLogits && wanted.Count > 0 ? ArrayPool<float>.Shared.Rent(Math.Min(EndsPerProduct, wanted.Count) * vocabulary) : [];
        for (int first = 0; first < wanted.Count; first += EndsPerProduct)
        {
            int count = Math.Min(EndsPerProduct, wanted.Count - first);
            if (ends.WantsLogits)
            {
                fixed (float* start = logits) ComputeLogits(workspace, first, count, start);
            }

            for (int i = 0; i < count; i++)
            {
                ends.Show(wanted[first + i], Row(workspace, first + i)[..width], ends.WantsLogits ? logits.AsSpan(i * vocabulary, vocabulary) : []);
            }
        }

        if (logits.Length > 0) ArrayPool<float>.Shared.Return(logits);

        static Span<float> Row(Workspace workspace, int row) => new(workspace.Normalised + ((long)row * workspace.Width), workspace.Width);
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

    private void ComputeLogits(Workspace workspace, int rows, float* logits) => ComputeLogits(workspace, 0, rows, logits);

    private void ComputeLogits(Workspace workspace, int firstRow, int rows, float* logits) => MatrixProduct.Run(
        weights, weights.Head, workspace.Normalised + ((long)firstRow * workspace.Width), workspace.Width, rows, workspace.Quantised,
        logits, Config.VocabularySize, ProductTarget.Store, threadCount);

    private KvCache NewCache(int length)
    {
        var cache = new KvCache(Config, weights.Kernels, layerCount: 1, length);
        cache.EnsureCapacity(length);
        return cache;
    }
}
