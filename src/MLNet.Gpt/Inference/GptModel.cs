using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Data;
using MLNet.Gpt.Inference.Kernels;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Inference;

/// <summary>
/// A GPT-2 model ready to measure and generate: configuration, tokenizer, and weights packed for the managed engine.
/// Immutable and safe for use by many threads; loads no native library.
/// </summary>
/// <remarks>
/// Results depend on the weights and the tokens alone: not on <see cref="GptModelOptions.ThreadCount"/>, nor on what else is computed
/// in the same call, nor on how a sequence was cut into calls. A model is also a source of weights: at
/// <see cref="WeightPrecision.Float32"/> of exactly those it was made from, otherwise of what rounding left of them.
/// </remarks>
public sealed class GptModel : IWeightSource, IDisposable
{
    // Rows of one pass: enough to pay for reading the weights, few enough for small buffers and prompt cancellation.
    private const int RowsPerPass = 256;
    private const int RowsPerScoringPass = 512;

    private readonly ModelWeights _weights;
    private readonly WorkspacePool _workspaces;
    private readonly Lazy<PackedWeightReader> _reader;

    private GptModel(ModelWeights weights, ITextTokenizer tokenizer, GptModelOptions options)
    {
        _weights = weights;
        _workspaces = new WorkspacePool(weights.Config);
        _reader = new(() => new PackedWeightReader(weights));
        Tokenizer = tokenizer;
        Options = options;
        ThreadCount = options.ThreadCount ?? Environment.ProcessorCount;
    }

    /// <summary>The model's sizes.</summary>
    public GptConfig Config => _weights.Config;

    /// <summary>The tokenizer that belongs to the weights.</summary>
    public ITextTokenizer Tokenizer { get; }

    /// <summary>How the model is held and run.</summary>
    public GptModelOptions Options { get; }

    /// <summary>Memory that the packed weights take, in bytes. A tied head and the token embedding are held once.</summary>
    public long WeightBytes => _weights.ByteCount;

    /// <summary>Threads that work on one call, the calling one among them.</summary>
    internal int ThreadCount { get; }

    internal ModelWeights Weights => _weights;

    /// <summary>Packs weights for the engine.</summary>
    /// <param name="weights">Read once, by several threads; not kept.</param>
    /// <param name="tokenizer">Its vocabulary must be as large as the configuration says.</param>
    /// <param name="options">Precision and threads; the defaults where <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The tokenizer's vocabulary is not the model's, or the configuration contradicts itself.</exception>
    public static GptModel FromWeights(IWeightSource weights, ITextTokenizer tokenizer, GptModelOptions? options = null) =>
        FromWeights(weights, tokenizer, options, KernelSet.Best);

    /// <summary>Loads a checkpoint of this library and packs its weights for the engine.</summary>
    /// <param name="path">What <see cref="GptCheckpoint.Save"/> wrote.</param>
    /// <param name="options">Precision and threads; the defaults where <see langword="null"/>.</param>
    /// <param name="tokenizer">Used in place of the checkpoint's own; needed where it names none.</param>
    /// <exception cref="InvalidDataException">The file is damaged or no checkpoint of this library.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    /// <exception cref="ArgumentException">There is no tokenizer, or its vocabulary is not the model's.</exception>
    public static GptModel Load(string path, GptModelOptions? options = null, ITextTokenizer? tokenizer = null)
    {
        using var checkpoint = GptCheckpoint.Open(path);
        tokenizer ??= checkpoint.Tokenizer
            ?? throw new ArgumentException($"'{path}' was saved without a tokenizer; one must be given.", nameof(tokenizer));
        return FromWeights(checkpoint, tokenizer, options);
    }

    /// <summary>The same with kernels of a given width.</summary>
    internal static GptModel FromWeights(IWeightSource weights, ITextTokenizer tokenizer, GptModelOptions? options, KernelSet kernels)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(tokenizer);
        var config = weights.Config.Validated();
        if (tokenizer.VocabularySize != config.VocabularySize)
        {
            throw new ArgumentException(
                $"The tokenizer has {tokenizer.VocabularySize} ids; the model's vocabulary has {config.VocabularySize}.", nameof(tokenizer));
        }

        options ??= new GptModelOptions();
        var packed = new ModelWeights(config, options.Precision, kernels);
        try
        {
            var model = new GptModel(packed, tokenizer, options);
            WeightPacker.Pack(weights, packed, model.ThreadCount);
            return model;
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    /// <summary>The same model at another precision, in memory of its own.</summary>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public GptModel Quantize(WeightPrecision precision)
    {
        using var lease = Borrow();
        var packed = new ModelWeights(Config, precision, _weights.Kernels);
        try
        {
            WeightPacker.Repack(_weights, packed, ThreadCount);
            return new GptModel(packed, Tokenizer, Options with { Precision = precision });
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Read(string name, long start, Span<float> destination)
    {
        using var lease = Borrow();
        _reader.Value.Read(name, start, destination);
    }

    /// <summary>A new, empty session: one sequence with its KV cache.</summary>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public GptSession CreateSession()
    {
        using var lease = Borrow();
        return new GptSession(this);
    }

    /// <summary>Appends one token to each of many sessions in one pass over the weights; each session's logits are then current.</summary>
    /// <param name="sessions">Different sessions of this model, each with room for one more token.</param>
    /// <param name="ids">For each session the id to append.</param>
    /// <param name="cancellationToken">Checked between blocks; sessions are then as before.</param>
    /// <exception cref="ArgumentException">The spans differ in length, or a session is of another model or full.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">A session stands twice in the span, or another thread is using it.</exception>
    /// <exception cref="ObjectDisposedException">The model or a session was disposed.</exception>
    public void Step(ReadOnlySpan<GptSession> sessions, ReadOnlySpan<int> ids, CancellationToken cancellationToken = default)
    {
        if (sessions.Length != ids.Length) throw new ArgumentException($"There are {sessions.Length} sessions but {ids.Length} ids.", nameof(ids));
        TokenIds.Validate(ids, Config.VocabularySize, nameof(ids));
        foreach (var session in sessions)
        {
            if (session.Model != this) throw new ArgumentException("A session belongs to another model.", nameof(sessions));
        }

        using var lease = Borrow();
        int entered = 0;
        try
        {
            foreach (var session in sessions)
            {
                session.Enter();
                entered++;
                session.Reserve(1);
            }

            for (int first = 0; first < ids.Length; first += RowsPerPass)
            {
                int count = Math.Min(RowsPerPass, ids.Length - first);
                StepTogether(sessions.Slice(first, count), ids.Slice(first, count), cancellationToken);
            }
        }
        finally
        {
            for (int i = 0; i < entered; i++) sessions[i].Leave();
        }
    }

    /// <summary>Scores every target of packed sequences; keeps no logits.</summary>
    /// <param name="inputs">The input ids of all sequences, one after the other.</param>
    /// <param name="targets">For each input the id that follows it.</param>
    /// <param name="lengths">The length of each sequence, each at most the context length; they add up to the number of inputs.</param>
    /// <param name="scores">Receives one score a target.</param>
    /// <param name="cancellationToken">Checked between layers.</param>
    /// <exception cref="ArgumentException">The spans do not fit each other, or a sequence is longer than the context.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">A loss is not a number, because weights are NaN or activations overflow.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Score(ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, ReadOnlySpan<int> lengths, Span<TokenScore> scores, CancellationToken cancellationToken = default)
    {
        if (targets.Length != inputs.Length) throw new ArgumentException($"There are {inputs.Length} inputs but {targets.Length} targets.", nameof(targets));
        if (scores.Length != inputs.Length) throw new ArgumentException($"There are {inputs.Length} targets but room for {scores.Length} scores.", nameof(scores));
        TokenIds.Validate(inputs, Config.VocabularySize, nameof(inputs));
        TokenIds.Validate(targets, Config.VocabularySize, nameof(targets));
        ValidateLengths(lengths, inputs.Length);

        using var lease = Borrow();
        int row = 0;
        for (int sequence = 0; sequence < lengths.Length;)
        {
            int end = sequence, rows = 0;
            while (end < lengths.Length && (rows == 0 || rows + lengths[end] <= RowsPerScoringPass)) rows += lengths[end++];
            if (rows > 0)
            {
                ScorePass(inputs.Slice(row, rows), targets.Slice(row, rows), lengths[sequence..end], scores.Slice(row, rows), cancellationToken);
            }

            row += rows;
            sequence = end;
        }
    }

    /// <summary>The logits of every position of one sequence, (T, V) row-major.</summary>
    /// <param name="ids">At most the context length.</param>
    /// <exception cref="ArgumentException">There are more ids than the context length.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public unsafe float[] ComputeLogits(ReadOnlySpan<int> ids)
    {
        int vocabulary = Config.VocabularySize;
        float[] logits = new float[checked(ids.Length * (long)vocabulary)];
        ComputeWhole(ids, (workspace, rows) =>
        {
            fixed (float* start = logits)
            {
                MatrixProduct.Run(
                    _weights, _weights.Head, workspace.Normalised, workspace.Width, rows, workspace.Quantised, start, vocabulary, ProductTarget.Store, ThreadCount);
            }
        });
        return logits;
    }

    /// <summary>The hidden state of every position after the last layer norm, (T, C) row-major.</summary>
    /// <inheritdoc cref="ComputeLogits" path="/param|/exception"/>
    public unsafe float[] ComputeHiddenStates(ReadOnlySpan<int> ids)
    {
        int width = Config.EmbeddingWidth;
        float[] states = new float[checked(ids.Length * (long)width)];
        ComputeWhole(ids, (workspace, rows) =>
        {
            for (int row = 0; row < rows; row++)
            {
                new ReadOnlySpan<float>(workspace.Normalised + ((long)row * workspace.Width), width).CopyTo(states.AsSpan(row * width, width));
            }
        });
        return states;
    }

    /// <summary>
    /// Frees the packed weights; sessions made from this model can no longer be used. Calls that other threads have under way end in
    /// good order first.
    /// </summary>
    public void Dispose()
    {
        _weights.Dispose();
        _workspaces.Dispose();
    }

    /// <summary>
    /// Appends ids to a session that the caller has entered and that has room, and computes the logits after the last; or after each,
    /// where <paramref name="allLogits"/>, (T, V), is not empty, and leaves the session's own to the caller.
    /// </summary>
    internal void Append(GptSession session, ReadOnlySpan<int> ids, Span<float> allLogits, CancellationToken cancellationToken)
    {
        using var lease = Borrow();
        int position = session.Position;
        bool wantsAll = !allLogits.IsEmpty;
        while (true)
        {
            int count = Math.Min(RowsPerPass, ids.Length);
            var workspace = _workspaces.Rent(count);
            try
            {
                Segment[] segments = [new(session.Cache, position, 0, count)];
                ForwardPass.Run(_weights, workspace, segments, ids[..count], ThreadCount, cancellationToken);
                position += count;
                ids = ids[count..];
                if (wantsAll)
                {
                    ForwardPass.Normalise(_weights, workspace, 0, count, ThreadCount);
                    WriteLogits(workspace, count, allLogits);
                    allLogits = allLogits[(count * Config.VocabularySize)..];
                }

                if (!ids.IsEmpty) continue;
                if (!wantsAll)
                {
                    ForwardPass.Normalise(_weights, workspace, count - 1, 1, ThreadCount);
                    WriteLogits(workspace, 1, session.LogitsBuffer);
                }

                session.Advance(position);
                return;
            }
            finally
            {
                _workspaces.Return(workspace);
            }
        }
    }

    private NativeBlock.Lease Borrow()
    {
        try
        {
            return _weights.Borrow();
        }
        catch (ObjectDisposedException)
        {
            throw new ObjectDisposedException(nameof(GptModel));
        }
    }

    private unsafe void StepTogether(ReadOnlySpan<GptSession> sessions, ReadOnlySpan<int> ids, CancellationToken cancellationToken)
    {
        int rows = sessions.Length;
        var segments = new Segment[rows];
        for (int i = 0; i < rows; i++) segments[i] = new(sessions[i].Cache, sessions[i].Position, i, 1);
        var workspace = _workspaces.Rent(rows);
        try
        {
            ForwardPass.Run(_weights, workspace, segments, ids, ThreadCount, cancellationToken);
            ForwardPass.Normalise(_weights, workspace, 0, rows, ThreadCount);
            int vocabulary = Config.VocabularySize;
            using var logits = NativeBlock.Allocate(4L * rows * vocabulary);
            MatrixProduct.Run(
                _weights, _weights.Head, workspace.Normalised, workspace.Width, rows, workspace.Quantised, (float*)logits.Pointer, vocabulary, ProductTarget.Store, ThreadCount);
            for (int i = 0; i < rows; i++)
            {
                new ReadOnlySpan<float>((float*)logits.Pointer + ((long)i * vocabulary), vocabulary).CopyTo(sessions[i].LogitsBuffer);
                sessions[i].Advance(sessions[i].Position + 1);
            }
        }
        finally
        {
            _workspaces.Return(workspace);
        }
    }

    private unsafe void WriteLogits(Workspace workspace, int rows, Span<float> destination)
    {
        fixed (float* logits = destination)
        {
            MatrixProduct.Run(
                _weights, _weights.Head, workspace.Normalised, workspace.Width, rows, workspace.Quantised, logits, Config.VocabularySize, ProductTarget.Store, ThreadCount);
        }
    }

    private void ScorePass(
        ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, ReadOnlySpan<int> lengths, Span<TokenScore> scores, CancellationToken cancellationToken)
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

            ForwardPass.Run(_weights, workspace, [.. segments], inputs, ThreadCount, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            ForwardPass.Normalise(_weights, workspace, 0, inputs.Length, ThreadCount);
            Scorer.Score(_weights, workspace, targets, scores, ThreadCount);
        }
        finally
        {
            foreach (var segment in segments) segment.Cache.Dispose();
            _workspaces.Return(workspace);
        }
    }

    private void ComputeWhole(ReadOnlySpan<int> ids, Action<Workspace, int> useNormalised)
    {
        TokenIds.Validate(ids, Config.VocabularySize, nameof(ids));
        if (ids.Length > Config.ContextLength)
        {
            throw new ArgumentException($"There are {ids.Length} ids; the context length is {Config.ContextLength}.", nameof(ids));
        }

        using var lease = Borrow();
        if (ids.IsEmpty) return;
        using var cache = NewCache(ids.Length);
        var workspace = _workspaces.Rent(ids.Length);
        try
        {
            ForwardPass.Run(_weights, workspace, [new(cache, 0, 0, ids.Length)], ids, ThreadCount, CancellationToken.None);
            ForwardPass.Normalise(_weights, workspace, 0, ids.Length, ThreadCount);
            useNormalised(workspace, ids.Length);
        }
        finally
        {
            _workspaces.Return(workspace);
        }
    }

    // A whole sequence in one pass needs the keys and values of one layer at a time only.
    private KvCache NewCache(int length)
    {
        var cache = new KvCache(Config, _weights.Kernels, layerCount: 1, length);
        cache.EnsureCapacity(length);
        return cache;
    }

    private void ValidateLengths(ReadOnlySpan<int> lengths, int inputCount)
    {
        long sum = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            if (lengths[i] < 0 || lengths[i] > Config.ContextLength)
            {
                throw new ArgumentException($"Sequence {i} has a length of {lengths[i]}; it must be from 0 to the context length, {Config.ContextLength}.", nameof(lengths));
            }

            sum += lengths[i];
        }

        if (sum != inputCount) throw new ArgumentException($"The lengths add up to {sum}, but there are {inputCount} inputs.", nameof(lengths));
    }
}
