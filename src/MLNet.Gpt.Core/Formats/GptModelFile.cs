using System.Diagnostics;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// A model in a file or folder of any supported format, which is detected from the content: a checkpoint of this
/// library, a transformer package, a pipeline saved by ML.NET that contains one GPT model, a Hugging Face folder or
/// file (safetensors or PyTorch, in one file or several), a PyTorch state dict, OpenAI's TensorFlow release, or GGUF.
/// Opening reads and checks everything except the weights, which are read on demand. Thread-safe.
/// </summary>
/// <remarks>
/// Files are treated as hostile: lengths, offsets, counts and shapes are checked before use, nothing in them is
/// executed, and missing, unexpected or overlapping tensors are an error. <c>docs/formats.md</c> lists the formats and
/// what each is tested against.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptModelFile : IWeightSource, IBlockWeightSource, ITransposedWeightSource, IDisposable
{
    private readonly OpenFiles _files;
    private readonly OpenedModel _model;
    private readonly Lazy<ITextTokenizer?> _tokenizer;

    private GptModelFile(string path, OpenFiles files, OpenedModel model)
    {
        Path = path;
        _files = files;
        _model = model;
        _tokenizer = new(ReadTokenizer);
    }

    /// <summary>The file or folder as given.</summary>
    public string Path { get; }

    /// <summary>The format and who writes it.</summary>
    public string Format => _model.Format;

    /// <summary>How the weights are stored; see <see cref="GptModelFileInfo.DataType"/>.</summary>
    public string DataType => _model.Weights.DataType;

    /// <inheritdoc/>
    public GptConfig Config => _model.Weights.Config;

    /// <summary>
    /// What the file contains but this library ignores, in sentences for a log: heads for other tasks. Empty for most
    /// files.
    /// </summary>
    public IReadOnlyList<string> Warnings => _model.Weights.Warnings;

    /// <summary>The tokenizer stored with the weights, or <see langword="null"/>; read on first use.</summary>
    /// <remarks>
    /// It has as many ids as the model. Ids that only the model has, as in a vocabulary padded from 50257 to 50304, do
    /// not represent text; a text with a token that only the tokenizer has is an error.
    /// </remarks>
    /// <exception cref="InvalidDataException">The tokenizer is damaged or of an unsupported kind.</exception>
    public ITextTokenizer? Tokenizer => _tokenizer.Value;

    /// <summary>Opens a model.</summary>
    /// <param name="path">A file or a folder.</param>
    /// <param name="headCount">
    /// Attention heads, used if the file does not say, as with a state dict. Not needed for the widths of GPT-2's
    /// published sizes.
    /// </param>
    /// <param name="useStoredHead">
    /// Whether a stored output head is used if the configuration ties the head to the token embedding and the two
    /// differ; otherwise such a file is an error.
    /// </param>
    /// <param name="cancellationToken">
    /// Cancels opening, which can take long: a package is unpacked, a tied head compared.
    /// </param>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, of an unknown format, or not a supported decoder; the message names the file, the tensor and the
    /// problem.
    /// </exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    /// <exception cref="ArgumentException">The number of heads is needed and not given.</exception>
    /// <exception cref="OperationCanceledException">The token was canceled.</exception>
    public static GptModelFile Open(
        string path, int? headCount = null, bool useStoredHead = false, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var options = new OpenOptions(Check.AtLeast(headCount, 1, nameof(headCount)), useStoredHead, cancellationToken);
        return Create(path, files => ModelFormats.Open(path, files, options));
    }

    /// <summary>Opens a model on the thread pool.</summary>
    /// <returns>The open model; the task fails with the exceptions of <see cref="Open"/>.</returns>
    /// <inheritdoc cref="Open" path="/param"/>
    public static Task<GptModelFile> OpenAsync(
        string path, int? headCount = null, bool useStoredHead = false, CancellationToken cancellationToken = default) =>
        Task.Run(() => Open(path, headCount, useStoredHead, cancellationToken), cancellationToken);

    /// <summary>Opens a model in a file that is already open.</summary>
    internal static GptModelFile OpenContent(ModelContent content, OpenOptions options) =>
        Create(content.Path, files => ModelFormats.Open(content, files, options));

    /// <summary>Opens a Hugging Face folder of a model for sequence classification as its decoder without an output head.</summary>
    internal static GptModelFile OpenClassifier(string path, CancellationToken cancellationToken, out StoredClassifier classifier)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        StoredClassifier? stored = null;
        var file = Create(path, files =>
        {
            (var opened, stored) = HuggingFaceFormat.OpenClassifier(path, files, cancellationToken);
            return opened;
        });
        classifier = stored!;
        return file;
    }

    private static GptModelFile Create(string path, Func<OpenFiles, OpenedModel> open)
    {
        var files = new OpenFiles();
        try
        {
            return new(path, files, open(files));
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>Describes a model without reading its weights.</summary>
    /// <inheritdoc cref="Open" path="/param|/exception"/>
    public static GptModelFileInfo Inspect(
        string path, int? headCount = null, bool useStoredHead = false, CancellationToken cancellationToken = default)
    {
        using var file = Open(path, headCount, useStoredHead, cancellationToken);
        return file.Describe();
    }

    /// <summary>Describes the model.</summary>
    public GptModelFileInfo Describe() =>
        new(Path, Format, DataType, Config, GptModelPart.Of(WeightNames.For(Config), entry => _model.Weights.ByteCountOf(entry.Name)));

    /// <summary>Returns the path, the format, the data type and the number of parameters.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Path}: {Format}, {DataType}, {Config.ParameterCount:N0} parameters");

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">
    /// The file has become shorter since it was opened, or a checksum does not match.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Read(string name, long start, Span<float> destination) => _model.Weights.Read(name, start, destination);

    StoredBlocks IBlockWeightSource.BlocksOf(string name) => _model.Weights.BlocksOf(name);

    bool ITransposedWeightSource.IsTransposed(string name) => _model.Weights.IsTransposed(name);

    void ITransposedWeightSource.ReadTransposed(string[] names, int firstInput, int inputs, Span<float> destination) =>
        _model.Weights.ReadTransposed(names, firstInput, inputs, destination);

    void IBlockWeightSource.ReadBlocks(string name, long firstBlock, Span<byte> destination) =>
        _model.Weights.ReadBlocks(name, firstBlock, destination);

    /// <summary>Closes the files.</summary>
    public void Dispose() => _files.Dispose();

    private ITextTokenizer? ReadTokenizer()
    {
        var tokenizer = _model.ReadTokenizer();
        return tokenizer is null ? null : FittedTokenizer.Of(tokenizer, Config.VocabularySize);
    }
}
