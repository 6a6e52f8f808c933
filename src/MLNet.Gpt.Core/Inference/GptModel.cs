using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// A model ready to measure and generate: configuration, tokenizer, and weights packed for the managed engine.
/// Immutable and thread-safe; loads no native library.
/// </summary>
/// <remarks>
/// <para>
/// Results depend only on the weights and the tokens: not on <see cref="GptModelOptions.ThreadCount"/>, not on what
/// else is computed in the same call, and not on how a sequence is divided into calls. A model is also a source of
/// weights: at <see cref="WeightPrecision.Float32"/>, of exactly those that it was created from, otherwise of the
/// rounded ones.
/// </para>
/// <para>
/// The model owns its packed weights, a copy outside the managed heap; what they were read from can be closed or
/// changed afterwards. <see cref="Dispose"/> frees them. Sessions, scorers and generators use the model but do not own
/// it. A model that is not disposed is freed by the garbage collector once nothing refers to it.
/// </para>
/// </remarks>
public sealed partial class GptModel : IWeightSource, IPackedWeights, IDisposable
{
    private readonly ModelWeights _weights;
    private readonly ModelRunner _runner;
    private readonly Lazy<PackedWeightReader> _reader;
    private volatile bool _isDisposed;

    private GptModel(ModelWeights weights, ITextTokenizer tokenizer, GptModelOptions options)
    {
        _weights = weights;
        _reader = new(() => new PackedWeightReader(weights));
        Tokenizer = tokenizer;
        Options = options;
        _runner = new ModelRunner(weights, ThreadCount);
    }

    /// <summary>The model's sizes and parts.</summary>
    public GptConfig Config => _weights.Config;

    /// <summary>
    /// The tokenizer that belongs to the weights, with as many ids as the model; see <see cref="FromWeights(IWeightSource,
    /// ITextTokenizer, GptModelOptions?, IProgress{double}?, CancellationToken)"/>.
    /// </summary>
    public ITextTokenizer Tokenizer { get; }

    /// <summary>How the model is stored and run.</summary>
    public GptModelOptions Options { get; }

    /// <summary>
    /// Memory used by the packed weights, in bytes. A tied head and the token embedding are stored once.
    /// </summary>
    public long WeightBytes => _weights.ByteCount;

    /// <summary>Threads that work on one call, including the calling one.</summary>
    internal int ThreadCount => Options.WorkingThreads;

    internal ModelWeights Weights => _weights;

    /// <summary>Scores packed sequences; the caller has borrowed the weights.</summary>
    internal ScoringRunner Scoring => _runner.Scoring;

    /// <summary>Exports the model to a format of other programs; see <see cref="GptModelExporter.Export"/>.</summary>
    /// <param name="path">The file or folder to create or replace.</param>
    /// <param name="options">
    /// Format, data type and more; by default, the path determines the format, and nothing is rounded.
    /// </param>
    /// <param name="progress">Receives a report after every mebibyte or so.</param>
    /// <param name="cancellationToken">Stops the export and keeps what was there before.</param>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Export(
        string path,
        ExportOptions? options = null,
        IProgress<ExportProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        GptModelExporter.Export(path, this, Tokenizer, options, progress, cancellationToken);

    /// <summary>Writes the model without blocking the caller: <see cref="Export"/> on the thread pool.</summary>
    /// <inheritdoc cref="Export"/>
    public Task ExportAsync(
        string path,
        ExportOptions? options = null,
        IProgress<ExportProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Task.Run(() => Export(path, options, progress, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Read(string name, long start, Span<float> destination)
    {
        using var lease = Borrow();
        _reader.Value.Read(name, start, destination);
    }

    /// <inheritdoc/>
    ModelWeights IPackedWeights.Share()
    {
        using var lease = Borrow();
        return _weights.Share((_, matrix) => matrix);
    }

    /// <summary>Creates an empty session: one sequence with its KV cache, which the caller disposes.</summary>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public GptSession CreateSession()
    {
        using var lease = Borrow();
        return new GptSession(this);
    }

    /// <summary>Appends one token to each of many sessions in one pass over the weights; each session's logits are then current.</summary>
    /// <param name="sessions">Different sessions of this model, each with room for one more token.</param>
    /// <param name="ids">The id to append to each session.</param>
    /// <param name="cancellationToken">Checked between blocks.</param>
    /// <remarks>
    /// More than 256 sessions take several passes. If it throws, whatever the reason and in whichever pass, every session is unchanged.
    /// </remarks>
    /// <exception cref="ArgumentException">The spans differ in length, or a session is of another model or full.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">A session occurs twice in the span, or another thread is using it.</exception>
    /// <exception cref="ObjectDisposedException">The model or a session was disposed.</exception>
    public void Step(ReadOnlySpan<GptSession> sessions, ReadOnlySpan<int> ids, CancellationToken cancellationToken = default)
    {
        if (sessions.Length != ids.Length)
        {
            throw new ArgumentException($"The numbers of sessions and ids differ: {sessions.Length} and {ids.Length}.", nameof(ids));
        }

        int[] appended = TokenIds.Copy(ids, Config.VocabularySize, nameof(ids));
        GptSession[] stepping = sessions.ToArray();
        foreach (var session in stepping)
        {
            if (session?.Model != this) throw new ArgumentException("A session belongs to another model.", nameof(sessions));
        }

        using var lease = Borrow();
        int entered = 0;
        try
        {
            foreach (var session in stepping)
            {
                session.Enter();
                entered++;
                session.Reserve(1);
            }

            _runner.Step(stepping, appended, cancellationToken);
        }
        finally
        {
            for (int i = 0; i < entered; i++) stepping[i].Leave();
        }
    }

    /// <summary>Scores every target of packed sequences, without storing logits.</summary>
    /// <param name="inputs">The input ids of all sequences, one sequence after the other.</param>
    /// <param name="targets">For each input the id that follows it.</param>
    /// <param name="lengths">The length of each sequence, each at most the context length; they add up to the number of inputs.</param>
    /// <param name="scores">Receives one score per target; if the call throws, some may have been written.</param>
    /// <param name="cancellationToken">Checked between layers.</param>
    /// <exception cref="ArgumentException">The spans do not fit each other, or a sequence is longer than the context.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">A loss is not a number, because weights are NaN or activations overflow.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    internal void Score(
        ReadOnlySpan<int> inputs,
        ReadOnlySpan<int> targets,
        ReadOnlySpan<int> lengths,
        Span<TokenScore> scores,
        CancellationToken cancellationToken = default)
    {
        if (targets.Length != inputs.Length)
        {
            throw new ArgumentException(
                $"The numbers of inputs and targets differ: {inputs.Length} and {targets.Length}.", nameof(targets));
        }

        if (scores.Length != inputs.Length)
        {
            throw new ArgumentException($"The numbers of targets and scores differ: {inputs.Length} and {scores.Length}.", nameof(scores));
        }

        int[] checkedTargets = TokenIds.Copy(targets, Config.VocabularySize, nameof(targets));
        Score(new ScoringBatch { Inputs = inputs, Targets = checkedTargets, Lengths = lengths, Scores = scores }, cancellationToken);
    }

    /// <summary>
    /// Scores packed sequences like the public overload, and computes whatever else the batch requests in the same
    /// pass.
    /// </summary>
    internal void Score(in ScoringBatch batch, CancellationToken cancellationToken)
    {
        var copy = batch.Copy(Config);
        using var lease = Borrow();
        if (batch.Pair is not { } pair)
        {
            Scoring.Score(copy, cancellationToken);
            return;
        }

        using var other = pair.Reference.Borrow();
        Scoring.Score(copy, cancellationToken);
    }

    /// <summary>Computes the logits of every position of one sequence.</summary>
    /// <param name="ids">At most the context length, T.</param>
    /// <param name="cancellationToken">Checked between blocks of the model.</param>
    /// <returns>(T, V), row-major.</returns>
    /// <exception cref="ArgumentException">There are more ids than the context length.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public float[] ComputeLogits(ReadOnlySpan<int> ids, CancellationToken cancellationToken = default)
    {
        int[] sequence = CopySequence(ids);
        using var lease = Borrow();
        float[] logits = new float[checked(sequence.Length * (long)Config.VocabularySize)];
        _runner.ComputeLogits(sequence, logits, cancellationToken);
        return logits;
    }

    /// <summary>Computes the logits of every position of one sequence into the caller's memory.</summary>
    /// <param name="ids">At most the context length, T.</param>
    /// <param name="destination">
    /// Receives (T, V), row-major, at its beginning. If the call throws, it may have been written to.
    /// </param>
    /// <param name="cancellationToken">Checked between blocks of the model.</param>
    /// <exception cref="ArgumentException">There are more ids than the context length, or the destination is too short.</exception>
    /// <inheritdoc cref="ComputeLogits(ReadOnlySpan{int}, CancellationToken)" path="/exception"/>
    public void ComputeLogits(ReadOnlySpan<int> ids, Span<float> destination, CancellationToken cancellationToken = default)
    {
        int[] sequence = CopySequence(ids);
        CheckRoom(destination.Length, sequence.Length, Config.VocabularySize);
        using var lease = Borrow();
        _runner.ComputeLogits(sequence, destination, cancellationToken);
    }

    /// <summary>Computes the hidden state of every position after the last layer norm.</summary>
    /// <returns>(T, C), row-major.</returns>
    /// <inheritdoc cref="ComputeLogits(ReadOnlySpan{int}, CancellationToken)" path="/param|/exception"/>
    public float[] ComputeHiddenStates(ReadOnlySpan<int> ids, CancellationToken cancellationToken = default)
    {
        int[] sequence = CopySequence(ids);
        using var lease = Borrow();
        float[] states = new float[checked(sequence.Length * (long)Config.EmbeddingWidth)];
        _runner.ComputeHiddenStates(sequence, [sequence.Length], states, cancellationToken);
        return states;
    }

    /// <summary>
    /// Computes the hidden state of every position after the last layer norm into the caller's memory.
    /// </summary>
    /// <param name="ids">At most the context length, T.</param>
    /// <param name="destination">
    /// Receives (T, C), row-major, at its beginning. If the call throws, it may have been written to.
    /// </param>
    /// <param name="cancellationToken">Checked between blocks of the model.</param>
    /// <inheritdoc cref="ComputeLogits(ReadOnlySpan{int}, Span{float}, CancellationToken)" path="/exception"/>
    public void ComputeHiddenStates(ReadOnlySpan<int> ids, Span<float> destination, CancellationToken cancellationToken = default)
    {
        int[] sequence = CopySequence(ids);
        CheckRoom(destination.Length, sequence.Length, Config.EmbeddingWidth);
        using var lease = Borrow();
        _runner.ComputeHiddenStates(sequence, [sequence.Length], destination, cancellationToken);
    }

    /// <summary>Computes the hidden state of every position of packed sequences in one pass.</summary>
    /// <param name="ids">The ids of all sequences, one after the other.</param>
    /// <param name="lengths">The length of each, from 1 to the context length; they add up to the number of ids.</param>
    /// <param name="destination">Receives as many rows as there are ids, (N, C).</param>
    /// <param name="cancellationToken">Checked between blocks of the model.</param>
    internal void ComputeHiddenStates(
        ReadOnlySpan<int> ids, ReadOnlySpan<int> lengths, Span<float> destination, CancellationToken cancellationToken)
    {
        int[] copy = TokenIds.Copy(ids, Config.VocabularySize, nameof(ids));
        using var lease = Borrow();
        _runner.ComputeHiddenStates(copy, lengths, destination, cancellationToken);
    }

    /// <summary>
    /// Names the model by its sizes, such as "GPT of 124.4M parameters (12 layers, width 768, context 1024, vocabulary 50257), Int8".
    /// </summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"GPT of {Config.ParameterCount / 1e6:0.0}M parameters ({Quantity.Of(Config.LayerCount, "layer")}, width {Config.EmbeddingWidth}, "
        + $"context {Config.ContextLength}, vocabulary {Config.VocabularySize}), {Options.Precision}");

    /// <summary>
    /// Frees the weights. Later calls on the model and its sessions throw; calls that are running on other threads
    /// complete, and the memory is freed when the last of them has.
    /// </summary>
    public void Dispose()
    {
        _isDisposed = true;
        _weights.Dispose();
        _runner.Dispose();
    }

    /// <summary>Runs a session's tokens; the caller has entered the session, which has room.</summary>
    internal void Append(GptSession session, ReadOnlySpan<int> ids, Span<float> allLogits, CancellationToken cancellationToken)
    {
        using var lease = Borrow();
        _runner.Append(session, ids, allLogits, cancellationToken);
    }

    // The block itself throws only once no lease is left, so overlapping calls could keep it alive forever.
    private NativeBlock.Lease Borrow()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        try
        {
            return _weights.Borrow();
        }
        catch (ObjectDisposedException)
        {
            throw new ObjectDisposedException(GetType().FullName);
        }
    }

    private int[] CopySequence(ReadOnlySpan<int> ids)
    {
        if (ids.Length > Config.ContextLength)
        {
            throw new ArgumentException($"There are {ids.Length} ids; the context length is {Config.ContextLength}.", nameof(ids));
        }

        return TokenIds.Copy(ids, Config.VocabularySize, nameof(ids));
    }

    private static void CheckRoom(int length, int rows, int width)
    {
        long needed = (long)rows * width;
        if (length < needed)
        {
            throw new ArgumentException(
                $"There is room for {Quantity.Of(length, "number")}; the results are {rows} × {width} = {needed}.", "destination");
        }
    }
}
