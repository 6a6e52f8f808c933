using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <content>Creating models: from a file, from weights, or from a model with another precision or an adapter.</content>
public sealed partial class GptModel
{
    // GPT-2's vocabulary, also padded to multiples of 8, 32, 64 and 128; for any other size, the tokenizer is unknown.
    private static readonly int[] Gpt2Sizes = [50257, 50264, 50272, 50304];

    /// <summary>Packs weights for the engine.</summary>
    /// <param name="weights">Read once, by several threads; not kept.</param>
    /// <param name="tokenizer">
    /// The tokenizer that belongs to the weights. Its vocabulary may be smaller than the model's: ids that only the
    /// model has do not represent text, count in every softmax and are never generated. It may also have more tokens than
    /// the model; a text that contains one of those is an error.
    /// </param>
    /// <param name="options">Precision and threads; the defaults if <see langword="null"/>.</param>
    /// <param name="progress">Receives the fraction of the weights that has been read, from 0 to 1, after each matrix.</param>
    /// <param name="cancellationToken">Stops the packing and frees its memory.</param>
    /// <exception cref="ArgumentException">The configuration is inconsistent, or the weights compute scores, not tokens.</exception>
    /// <exception cref="OutOfMemoryException">
    /// The system has no memory for the weights; the message says how much is needed.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public static GptModel FromWeights(
        IWeightSource weights,
        ITextTokenizer tokenizer,
        GptModelOptions? options = null,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default) =>
        FromWeights(weights, tokenizer, options, KernelSet.Best, progress, cancellationToken);

    /// <summary>
    /// Loads a model of any known format, which is detected from the content, and packs its weights for the engine: a
    /// checkpoint of this library, a transformer package, a pipeline saved by ML.NET that contains one GPT model, a
    /// Hugging Face folder or file, a PyTorch state dict, OpenAI's TensorFlow release, or GGUF.
    /// </summary>
    /// <param name="path">A file or a folder; see <see cref="GptModelFile"/>.</param>
    /// <param name="options">Precision and threads; the defaults if <see langword="null"/>.</param>
    /// <param name="tokenizer">
    /// Replaces the tokenizer stored with the weights, for example one from <see cref="TokenizerFile.Load"/>. Required
    /// if there is none, unless the vocabulary is as large as GPT-2's, 50257, or that number padded to a multiple of 8,
    /// 32, 64 or 128: 50264, 50272 or 50304. Then GPT-2's is used.
    /// </param>
    /// <param name="headCount">
    /// Attention heads, if the file does not state them and the model has none of GPT-2's published widths.
    /// </param>
    /// <param name="useStoredHead">As for <see cref="GptModelFile.Open"/>.</param>
    /// <param name="progress">Receives the fraction of the weights that has been read, from 0 to 1, after each matrix.</param>
    /// <param name="cancellationToken">Stops the loading, closes the file and frees the memory.</param>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, of no known format, or not a supported decoder; the message names the file, the tensor and the problem.
    /// </exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    /// <exception cref="ArgumentException">A tokenizer or the number of heads is needed.</exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    /// <remarks><see cref="GptModelFile.Warnings"/> lists the parts of the file that are not used.</remarks>
    public static GptModel Load(
        string path,
        GptModelOptions? options = null,
        ITextTokenizer? tokenizer = null,
        int? headCount = null,
        bool useStoredHead = false,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var file = GptModelFile.Open(path, headCount, useStoredHead, cancellationToken);
        return FromFile(file, options, tokenizer, progress, cancellationToken);
    }

    /// <summary>Loads a model without blocking the caller: <see cref="Load"/> on the thread pool.</summary>
    /// <inheritdoc cref="Load"/>
    public static Task<GptModel> LoadAsync(
        string path,
        GptModelOptions? options = null,
        ITextTokenizer? tokenizer = null,
        int? headCount = null,
        bool useStoredHead = false,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default) =>
        Task.Run(() => Load(path, options, tokenizer, headCount, useStoredHead, progress, cancellationToken), cancellationToken);

    /// <summary>Packs the weights of an open file for the engine.</summary>
    /// <param name="file">Read once; not kept.</param>
    /// <param name="options">Precision and threads; the defaults if <see langword="null"/>.</param>
    /// <param name="tokenizer">As for <see cref="Load"/>.</param>
    /// <param name="progress">Receives the fraction of the weights that has been read, from 0 to 1, after each matrix.</param>
    /// <param name="cancellationToken">Stops the packing and frees its memory.</param>
    /// <exception cref="InvalidDataException">
    /// The file's tokenizer is damaged or of an unknown kind, a checksum does not match, or the file has become shorter.
    /// </exception>
    /// <exception cref="ArgumentException">A tokenizer is needed.</exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public static GptModel FromFile(
        GptModelFile file,
        GptModelOptions? options = null,
        ITextTokenizer? tokenizer = null,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        options ??= new GptModelOptions();

        // A Hugging Face vocabulary takes about as long to read as half of GPT-2's weights, so both are read at once. An
        // error in the tokenizer stops the packing.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = Task.Run(
            () =>
            {
                try
                {
                    return FittedTokenizer.Of(tokenizer ?? TokenizerOf(file), file.Config.VocabularySize);
                }
                catch
                {
                    stop.Cancel();
                    throw;
                }
            },
            CancellationToken.None);
        ModelWeights? packed = null;
        try
        {
            packed = WeightPacker.Pack(file, options.Precision, KernelSet.Best, options.WorkingThreads, progress, stop.Token);
        }
        catch (OutOfMemoryException error)
        {
            throw new OutOfMemoryException($"'{file.Path}' cannot be loaded. {error.Message}", error);
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }
        finally
        {
            Task.WaitAny([reading], CancellationToken.None); // it may read from the file, which the caller closes
        }

        try
        {
            var fitted = reading.GetAwaiter().GetResult();
            return new(packed!, fitted, options); // without weights, the tokenizer has thrown
        }
        catch
        {
            packed?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Returns the tokenizer of a file as the model that is loaded from it has it: one that fits the file's vocabulary.
    /// </summary>
    internal static ITextTokenizer FittedTokenizerOf(GptModelFile file) =>
        FittedTokenizer.Of(TokenizerOf(file), file.Config.VocabularySize);

    private static ITextTokenizer TokenizerOf(GptModelFile file) => file.Tokenizer
        ?? (Gpt2Sizes.Contains(file.Config.VocabularySize) ? Gpt2Tokenizer.Instance : null)
        ?? throw new ArgumentException(
            string.Create(
                CultureInfo.InvariantCulture,
                $"'{file.Path}' has no tokenizer, and its vocabulary of {file.Config.VocabularySize} ids is not GPT-2's "
                + $"({string.Join(", ", Gpt2Sizes)}); pass one."),
            "tokenizer");

    /// <summary>Packs weights for kernels of a given width.</summary>
    internal static GptModel FromWeights(
        IWeightSource weights,
        ITextTokenizer tokenizer,
        GptModelOptions? options,
        KernelSet kernels,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(tokenizer);
        tokenizer = FittedTokenizer.Of(tokenizer, weights.Config.Validated().VocabularySize);
        options ??= new GptModelOptions();
        var packed = WeightPacker.Pack(weights, options.Precision, kernels, options.WorkingThreads, progress, cancellationToken);
        return new(packed, tokenizer, options);
    }

    /// <summary>Creates the same model with another precision, in separate memory.</summary>
    /// <param name="precision">The precision of the new model.</param>
    /// <param name="progress">Receives the fraction of the weights that has been converted, from 0 to 1, after each matrix.</param>
    /// <param name="cancellationToken">Stops the conversion and frees its memory.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such precision.</exception>
    /// <exception cref="OutOfMemoryException">The system has no memory for the weights; the message says how much is needed.</exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public GptModel Quantize(WeightPrecision precision, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        var options = Options with { Precision = precision };
        using var lease = Borrow();
        var packed = WeightPacker.Pack(_reader.Value, precision, _weights.Kernels, ThreadCount, progress, cancellationToken);
        return new(packed, Tokenizer, options);
    }

    /// <summary>
    /// Creates a model with an adapter attached, y = x Wᵀ + s (x Aᵀ) Bᵀ, which shares this model's weights in memory. Several adapters
    /// are stacked by attaching one after the other.
    /// </summary>
    /// <remarks>
    /// Either model can be disposed first: the weights are freed with the last. At any precision the products with the weights
    /// stay those of this model, to the last bit. As a source of weights, the new model has them merged; <see cref="LoraAdapter.Merge"/>
    /// gives merged weights that other models can be created from. Weights that were trained in full are packed in a copy.
    /// </remarks>
    /// <param name="adapter">The adapter.</param>
    /// <param name="scale">A factor of the adapter's updates: 1 for all of it, 0 for none.</param>
    /// <exception cref="ArgumentException">
    /// The adapter belongs to another model; the message names the first matrix that does not fit.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The scale is NaN or infinite.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public GptModel WithAdapter(LoraAdapter adapter, double scale = 1)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        if (!double.IsFinite(scale)) throw Check.OutOfRange(nameof(scale), scale, "finite");
        adapter.CheckFits(Config);
        if (adapter.Weights.Count > 0)
        {
            var replaced = new MergedWeights(this, adapter.ConfigFor(Config), [], adapter.Weights);
            using var copy = FromWeights(replaced, Tokenizer, Options, _weights.Kernels);
            return copy.WithUpdates(adapter.Matrices, scale);
        }

        return WithUpdates(adapter.Matrices, scale);
    }

    private GptModel WithUpdates(IReadOnlyList<LoraMatrix> matrices, double scale)
    {
        using var lease = Borrow();
        var weights = _weights.Share((entry, matrix) =>
        {
            string[] names = LoraTargets.NamesOf(Config, entry);
            var added = matrices.Where(each => names.Contains(each.Target)).Select(each =>
            {
                int firstOutput = entry.FirstRowOf(Array.IndexOf(names, each.Target));
                return (firstOutput, each.Rank, (float)(scale * each.Scale), each.ElementsOfA, each.ElementsOfB);
            }).ToArray();
            return added.Length == 0 ? matrix : matrix.With(LowRank.Create(matrix.Update, added));
        });
        return new(weights, Tokenizer, Options);
    }
}
