using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Threading;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

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
    // GPT-2's vocabulary, and as programs pad it to multiples of 8, 32, 64 and 128; of other sizes the tokenizer could be any.
    private static readonly int[] Gpt2Sizes = [50257, 50264, 50272, 50304];

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
        ThreadCount = Math.Min(options.ThreadCount ?? Environment.ProcessorCount, WorkerTeam.MostThreads);
        _runner = new ModelRunner(weights, ThreadCount);
    }

    /// <summary>The model's sizes.</summary>
    public GptConfig Config => _weights.Config;

    /// <summary>
    /// The tokenizer that belongs to the weights, with as many ids as the model; see
    /// <see cref="FromWeights(IWeightSource, ITextTokenizer, GptModelOptions?)"/>.
    /// </summary>
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
    /// <param name="tokenizer">
    /// Belongs to the weights. Its vocabulary may be smaller than the model's: ids that only the model has stand for no
    /// text, count in every softmax and are never generated. It may also be larger by special tokens, which are refused
    /// where a text has one.
    /// </param>
    /// <param name="options">Precision and threads; the defaults where <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">
    /// The tokenizer has ordinary tokens that the model has not, or the configuration contradicts itself.
    /// </exception>
    /// <exception cref="OutOfMemoryException">
    /// The system has no memory for the weights; the message says how much is needed.
    /// </exception>
    public static GptModel FromWeights(IWeightSource weights, ITextTokenizer tokenizer, GptModelOptions? options = null) =>
        FromWeights(weights, tokenizer, options, KernelSet.Best);

    /// <summary>
    /// Loads a model of any known format, found from the content, and packs its weights for the engine: a checkpoint of
    /// this library, a package of a transformer, a pipeline that ML.NET saved and that holds one GPT model, a Hugging
    /// Face folder or file, a PyTorch state dict, OpenAI's TensorFlow release, or GGUF.
    /// </summary>
    /// <param name="path">A file or a folder; see <see cref="GptModelFile"/>.</param>
    /// <param name="options">Precision and threads; the defaults where <see langword="null"/>.</param>
    /// <param name="tokenizer">
    /// Used in place of the tokenizer beside the weights, such as one of <see cref="TokenizerFile.Load"/>. Needed where
    /// there is none, unless the vocabulary is as large as GPT-2's, 50257, or as that padded to a multiple of 8, 32, 64
    /// or 128: 50264, 50272 or 50304. Then GPT-2's is taken.
    /// </param>
    /// <param name="headCount">
    /// Attention heads, where the file does not tell them and the model has none of GPT-2's published widths.
    /// </param>
    /// <param name="useStoredHead">As for <see cref="GptModelFile.Open"/>.</param>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, of no known format, or no GPT-2; the message names the file, the tensor and what is wrong.
    /// </exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    /// <exception cref="ArgumentException">
    /// A tokenizer or the number of heads is needed, or the tokenizer has ordinary tokens that the model has not.
    /// </exception>
    /// <remarks>What of the file is left aside, <see cref="GptModelFile.Warnings"/> tells.</remarks>
    public static GptModel Load(string path, GptModelOptions? options = null, ITextTokenizer? tokenizer = null, int? headCount = null, bool useStoredHead = false)
    {
        using var file = GptModelFile.Open(path, headCount, useStoredHead);
        return FromFile(file, options, tokenizer);
    }

    /// <summary>Packs the weights of an open file for the engine.</summary>
    /// <param name="file">Read once; not kept.</param>
    /// <param name="options">Precision and threads; the defaults where <see langword="null"/>.</param>
    /// <param name="tokenizer">As for <see cref="Load"/>.</param>
    /// <exception cref="InvalidDataException">
    /// The file's tokenizer is damaged or of no known kind, a checksum does not fit, or the file has become shorter.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// A tokenizer is needed, or it has ordinary tokens that the model has not.
    /// </exception>
    public static GptModel FromFile(GptModelFile file, GptModelOptions? options = null, ITextTokenizer? tokenizer = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        tokenizer ??= file.Tokenizer
            ?? (Gpt2Sizes.Contains(file.Config.VocabularySize) ? Gpt2Tokenizer.Instance : null)
            ?? throw new ArgumentException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"'{file.Path}' was saved without a tokenizer, and its vocabulary of {file.Config.VocabularySize} ids is not GPT-2's ({string.Join(", ", Gpt2Sizes)}); one must be given."),
                nameof(tokenizer));
        try
        {
            return FromWeights(file, tokenizer, options);
        }
        catch (OutOfMemoryException error)
        {
            throw new OutOfMemoryException($"'{file.Path}' cannot be loaded. {error.Message}", error);
        }
    }

    /// <summary>The same with kernels of a given width.</summary>
    internal static GptModel FromWeights(IWeightSource weights, ITextTokenizer tokenizer, GptModelOptions? options, KernelSet kernels)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(tokenizer);
        var config = weights.Config.Validated();
        tokenizer = FittedTokenizer.Of(tokenizer, config.VocabularySize, nameof(tokenizer));
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
    /// <exception cref="ArgumentOutOfRangeException">There is no such precision.</exception>
    /// <exception cref="OutOfMemoryException">The system has no memory for the weights; the message says how much is needed.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public GptModel Quantize(WeightPrecision precision)
    {
        Check.Defined(precision, nameof(precision));
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

    /// <summary>Writes the model in a format of other programs; see <see cref="GptModelExporter.Export"/>.</summary>
    /// <param name="path">The file or folder to make or replace.</param>
    /// <param name="options">Format, data type and more; by default the format is that of the path, and nothing is rounded.</param>
    /// <param name="progress">Told after every mebibyte or so.</param>
    /// <param name="cancellationToken">Stops the writing and leaves what was there.</param>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Export(string path, ExportOptions? options = null, IProgress<ExportProgress>? progress = null, CancellationToken cancellationToken = default) =>
        GptModelExporter.Export(path, this, Tokenizer, options, progress, cancellationToken);

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
    /// <param name="cancellationToken">Checked between blocks.</param>
    /// <remarks>
    /// More than 256 sessions take several passes. Where it throws, whatever the reason and in whichever pass, every session is as before.
    /// </remarks>
    /// <exception cref="ArgumentException">The spans differ in length, or a session is of another model or full.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">A session stands twice in the span, or another thread is using it.</exception>
    /// <exception cref="ObjectDisposedException">The model or a session was disposed.</exception>
    public void Step(ReadOnlySpan<GptSession> sessions, ReadOnlySpan<int> ids, CancellationToken cancellationToken = default)
    {
        if (sessions.Length != ids.Length) throw new ArgumentException($"There are {sessions.Length} sessions but {ids.Length} ids.", nameof(ids));
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

    /// <summary>Scores every target of packed sequences; keeps no logits.</summary>
    /// <param name="inputs">The input ids of all sequences, one after the other.</param>
    /// <param name="targets">For each input the id that follows it.</param>
    /// <param name="lengths">The length of each sequence, each at most the context length; they add up to the number of inputs.</param>
    /// <param name="scores">Receives one score per target; where the call throws, some may have been written.</param>
    /// <param name="cancellationToken">Checked between layers.</param>
    /// <exception cref="ArgumentException">The spans do not fit each other, or a sequence is longer than the context.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">A loss is not a number, because weights are NaN or activations overflow.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Score(ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, ReadOnlySpan<int> lengths, Span<TokenScore> scores, CancellationToken cancellationToken = default)
    {
        if (targets.Length != inputs.Length) throw new ArgumentException($"There are {inputs.Length} inputs but {targets.Length} targets.", nameof(targets));
        if (scores.Length != inputs.Length) throw new ArgumentException($"There are {inputs.Length} targets but room for {scores.Length} scores.", nameof(scores));
        int[] checkedTargets = TokenIds.Copy(targets, Config.VocabularySize, nameof(targets));
        Score(new ScoringBatch { Inputs = inputs, Targets = checkedTargets, Lengths = lengths, Scores = scores }, cancellationToken);
    }

    /// <summary>Scores packed sequences as the other overload does, and gives whatever else the batch wants, in one pass.</summary>
    internal void Score(in ScoringBatch batch, CancellationToken cancellationToken)
    {
        int[] inputs = TokenIds.Copy(batch.Inputs, Config.VocabularySize, nameof(inputs));
        int[] lengths = batch.Lengths.ToArray();
        ValidateLengths(lengths, inputs.Length);
        using var lease = Borrow();
        _runner.Score(batch with { Inputs = inputs, Lengths = lengths }, cancellationToken);
    }

    /// <summary>The logits of every position of one sequence, (T, V) row-major.</summary>
    /// <param name="ids">At most the context length.</param>
    /// <exception cref="ArgumentException">There are more ids than the context length.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public float[] ComputeLogits(ReadOnlySpan<int> ids)
    {
        int[] sequence = CopySequence(ids);
        using var lease = Borrow();
        return _runner.ComputeLogits(sequence);
    }

    /// <summary>The hidden state of every position after the last layer norm, (T, C) row-major.</summary>
    /// <inheritdoc cref="ComputeLogits" path="/param|/exception"/>
    public float[] ComputeHiddenStates(ReadOnlySpan<int> ids)
    {
        int[] sequence = CopySequence(ids);
        using var lease = Borrow();
        return _runner.ComputeHiddenStates(sequence);
    }

    /// <summary>
    /// Ends the use of the model: calls on it and on its sessions that begin afterwards are refused. Calls that other
    /// threads have under way run to their end; with the last of them the memory is freed.
    /// </summary>
    public void Dispose()
    {
        _isDisposed = true;
        _weights.Dispose();
        _runner.Dispose();
    }

    /// <summary>Runs a session's tokens; the session was entered and has room.</summary>
    internal void Append(GptSession session, ReadOnlySpan<int> ids, Span<float> allLogits, CancellationToken cancellationToken)
    {
        using var lease = Borrow();
        _runner.Append(session, ids, allLogits, cancellationToken);
    }

    // The block itself refuses only when nobody has borrowed it: calls that overlap would keep it for ever.
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
