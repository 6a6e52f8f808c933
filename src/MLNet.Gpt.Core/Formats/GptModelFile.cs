using System.Diagnostics;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Network;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// A GPT-2 model in a file or folder of any of the known formats, found from the content: a checkpoint of this library,
/// a package of a transformer, a pipeline that ML.NET saved and that holds one GPT model, a Hugging Face folder or file
/// (safetensors or PyTorch, in one file or several), a PyTorch state dict, OpenAI's TensorFlow release, or GGUF.
/// Opening reads and checks what stands around the weights; the weights are read where they are asked for. Safe for use
/// by many threads.
/// </summary>
/// <remarks>
/// Files are taken as hostile: lengths, offsets, counts and shapes are checked before use, nothing in them is executed,
/// and what is missing, left over or overlapping is rejected. <c>docs/formats.md</c> lists the formats and what each is
/// tested against.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptModelFile : IWeightSource, IQ8WeightSource, IDisposable
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

    /// <summary>The file or folder as it was given.</summary>
    public string Path { get; }

    /// <summary>The format and who writes it.</summary>
    public string Format => _model.Format;

    /// <summary>How the weights are stored; see <see cref="GptModelFileInfo.DataType"/>.</summary>
    public string DataType => _model.Weights.DataType;

    /// <inheritdoc/>
    public GptConfig Config => _model.Weights.Config;

    /// <summary>
    /// What the file has and this library leaves aside, in sentences for a log: heads of other tasks. Empty for most files.
    /// </summary>
    public IReadOnlyList<string> Warnings => _model.Weights.Warnings;

    /// <summary>
    /// The tokenizer that stands beside the weights, or <see langword="null"/>; read when first asked for.
    /// </summary>
    /// <remarks>
    /// It has as many ids as the model. Those that the model alone has, as in a vocabulary padded from 50257 to 50304,
    /// stand for no text; a text with a special token that the tokenizer alone has is rejected.
    /// </remarks>
    /// <exception cref="InvalidDataException">
    /// It is damaged, of a kind that is not known here, or has ordinary tokens that the model has not.
    /// </exception>
    public ITextTokenizer? Tokenizer => _tokenizer.Value;

    /// <summary>Opens a model.</summary>
    /// <param name="path">A file or a folder.</param>
    /// <param name="headCount">
    /// Attention heads, used where the file does not tell them: a state dict does not. Not needed for the widths of
    /// GPT-2's published sizes.
    /// </param>
    /// <param name="useStoredHead">
    /// Whether a stored output head is used where the configuration ties the head to the token embedding and the two
    /// differ; such a file is rejected otherwise.
    /// </param>
    /// <param name="cancellationToken">Stops the opening, which can take long: a package is unpacked, a tied head compared.</param>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, of no known format, or not a GPT-2; the message names the file, the tensor and what is wrong.
    /// </exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
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

    /// <summary>Opens a model in a file that is open already.</summary>
    internal static GptModelFile OpenContent(ModelContent content, OpenOptions options) =>
        Create(content.Path, files => ModelFormats.Open(content, files, options));

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

    /// <summary>Describes what a model is made of, without reading its weights.</summary>
    /// <inheritdoc cref="Open" path="/param|/exception"/>
    public static GptModelFileInfo Inspect(
        string path, int? headCount = null, bool useStoredHead = false, CancellationToken cancellationToken = default)
    {
        using var file = Open(path, headCount, useStoredHead, cancellationToken);
        return file.Describe();
    }

    /// <summary>Describes what the model is made of.</summary>
    public GptModelFileInfo Describe() =>
        new(Path, Format, DataType, Config, GptModelPart.Of(WeightNames.For(Config), entry => _model.Weights.ByteCountOf(entry.Name)));

    /// <summary>Returns the path, the format, the data type and the number of parameters.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Path}: {Format}, {DataType}, {Config.ParameterCount:N0} parameters");

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The file has become shorter since it was opened, or a checksum does not fit.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Read(string name, long start, Span<float> destination) => _model.Weights.Read(name, start, destination);

    bool IQ8WeightSource.HasQ8Blocks(string name) => _model.Weights.HasQ8Blocks(name);

    void IQ8WeightSource.ReadQ8Blocks(string name, long firstBlock, Span<byte> destination) =>
        _model.Weights.ReadQ8Blocks(name, firstBlock, destination);

    /// <summary>Closes the files.</summary>
    public void Dispose() => _files.Dispose();

    private ITextTokenizer? ReadTokenizer()
    {
        var tokenizer = _model.ReadTokenizer();
        return tokenizer is null
            ? null
            : FittedTokenizer.TryFit(tokenizer, Config.VocabularySize)
                ?? throw new InvalidDataException(
                    $"'{Path}' has a tokenizer of {tokenizer.VocabularySize} ids and a model of {Config.VocabularySize}.");
    }
}
