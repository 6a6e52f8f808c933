using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// A model in one file: its weights, configuration and tokenizer. The file is a safetensors file that other programs
/// can read: the weights stand under <see cref="WeightNames"/>' keys, those of the book's state dict; all else stands
/// in its metadata. Safe for use by many threads.
/// </summary>
public sealed class GptCheckpoint : IWeightSource, IDisposable
{
    private const string VersionKey = "mlnet_gpt.version";
    private const string ConfigKey = "mlnet_gpt.config";
    private const string TokenizerKey = "mlnet_gpt.tokenizer";
    private const string Version = "1";

    private readonly SafetensorsReader _file;

    private GptCheckpoint(SafetensorsReader file, GptConfig config, ITextTokenizer? tokenizer)
    {
        _file = file;
        Config = config;
        Tokenizer = tokenizer;
    }

    /// <inheritdoc/>
    public GptConfig Config { get; }

    /// <summary>The tokenizer that was saved with the weights, or <see langword="null"/>.</summary>
    public ITextTokenizer? Tokenizer { get; }

    /// <summary>How the weights are stored.</summary>
    public SafetensorsDataType DataType => _file.Tensors[0].DataType;

    /// <summary>
    /// Saves a model. The file is written aside, flushed to the disk and moved into place: after a crash the old file
    /// is there or the new one.
    /// </summary>
    /// <param name="path">The file to make or replace; by custom it ends in <c>.safetensors</c>.</param>
    /// <param name="weights">Read once, front to back.</param>
    /// <param name="tokenizer">
    /// A <see cref="Gpt2Tokenizer"/>, <see cref="BytePairTokenizer"/> or <see cref="WordTokenizer"/>;
    /// <see langword="null"/> to save none.
    /// </param>
    /// <param name="dataType">Float32, which loses nothing; Float16 and BFloat16 halve the file and round.</param>
    /// <param name="cancellationToken">Stops the saving and leaves the old file.</param>
    /// <exception cref="ArgumentException">
    /// The tokenizer is of another kind, its vocabulary is not the model's, or a weight is beyond the range of a
    /// narrower type.
    /// </exception>
    public static void Save(
        string path,
        IWeightSource weights,
        ITextTokenizer? tokenizer,
        SafetensorsDataType dataType = SafetensorsDataType.Float32,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var options = new ExportOptions { Format = ExportFormat.Checkpoint, DataType = ExportDataTypes.FromSafetensors(dataType) };
        GptModelExporter.Export(path, weights, tokenizer, options, progress: null, cancellationToken);
    }

    /// <summary>Saves a checked model.</summary>
    internal static void Write(ExportJob job)
    {
        ExportTensor[] tensors = [.. WeightNames.For(job.Config).Select(entry => ExportTensor.Of(job.Weights, entry))];
        job.Meter.TotalBytes = job.DataType.Size(job.Config.ParameterCount);
        SafetensorsWriter.Write(job.Path, tensors, job.DataType, MetadataOf(job.Config, job.Tokenizer), job.Elements());
    }

    /// <summary>Writes the same bytes, of single precision, into a stream, front to back.</summary>
    internal static void Write(Stream stream, IWeightSource weights, ITextTokenizer? tokenizer) => SafetensorsWriter.Write(
        stream, [.. WeightNames.For(weights.Config.Validated())], weights.Read, SafetensorsDataType.Float32, MetadataOf(weights.Config, tokenizer), CancellationToken.None);

    /// <summary>Opens a saved model: reads and checks the header, and reads weights where they are asked for.</summary>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, was not written by <see cref="Save"/>, or by a later version of it; the message names what is wrong.
    /// </exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static GptCheckpoint Open(string path) => Open(PositionedFile.Open(path));

    /// <summary>Takes charge of an open file that holds a saved model.</summary>
    internal static GptCheckpoint Open(PositionedFile saved)
    {
        var file = SafetensorsReader.Open(saved);
        try
        {
            var (config, tokenizer) = ReadMetadata(file);
            CheckWeights(file, config);
            return new(file, config, tokenizer);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The file has become shorter since it was opened.</exception>
    /// <exception cref="ObjectDisposedException">The checkpoint was disposed.</exception>
    public void Read(string name, long start, Span<float> destination) => _file.Read(name, start, destination);

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Whether a file says that this library wrote it.</summary>
    internal static bool IsCheckpoint(SafetensorsReader file) => file.Metadata.ContainsKey(VersionKey);

    /// <summary>The configuration and tokenizer in the metadata of a file.</summary>
    /// <exception cref="InvalidDataException">They are damaged or do not fit together.</exception>
    internal static (GptConfig Config, ITextTokenizer? Tokenizer) ReadMetadata(SafetensorsReader file)
    {
        string version = Text(file, VersionKey);
        if (version != Version) throw new InvalidDataException($"'{file.Path}' is a checkpoint of version '{version}'; this library reads version {Version}.");
        var config = GptConfigJson.Read(file.Path, Text(file, ConfigKey));
        var tokenizer = file.Metadata.TryGetValue(TokenizerKey, out string? json) ? TokenizerJson.Read(file.Path, json, config.VocabularySize) : null;
        return (config, tokenizer);
    }

    private static Dictionary<string, string> MetadataOf(GptConfig config, ITextTokenizer? tokenizer)
    {
        var metadata = new Dictionary<string, string>
        {
            ["format"] = "pt", // What Hugging Face's loaders ask for: matrices lie as PyTorch's do.
            [VersionKey] = Version,
            [ConfigKey] = GptConfigJson.Write(config),
        };
        if (tokenizer is null) return metadata;
        metadata[TokenizerKey] = TokenizerJson.Write(FittedTokenizer.Of(tokenizer, config.VocabularySize, nameof(tokenizer)));
        return metadata;
    }

    private static string Text(SafetensorsReader file, string key) => file.Metadata.TryGetValue(key, out string? text)
        ? text
        : throw new InvalidDataException($"'{file.Path}' is no checkpoint of this library: its metadata lacks '{key}'.");

    // The configuration's weights are listed one at a time, so that a damaged count of layers ends at the first one missing.
    private static void CheckWeights(SafetensorsReader file, GptConfig config)
    {
        int count = 0;
        foreach (var entry in WeightNames.For(config))
        {
            var tensor = file.Find(entry.Name) ?? throw new InvalidDataException($"'{file.Path}' lacks the weight '{entry.Name}' of its configuration.");
            if (!tensor.Shape.SequenceEqual(entry.Shape.Select(size => (long)size)))
            {
                throw new InvalidDataException($"'{file.Path}' holds {tensor}; its configuration asks for the shape ({string.Join(", ", entry.Shape)}).");
            }

            if (tensor.DataType is not (SafetensorsDataType.Float32 or SafetensorsDataType.Float16 or SafetensorsDataType.BFloat16))
            {
                throw new InvalidDataException($"'{file.Path}' holds {tensor}; weights are F32, F16 or BF16.");
            }

            count++;
        }

        if (count == file.Tensors.Count) return;
        var names = WeightNames.For(config).Select(entry => entry.Name).ToHashSet();
        throw new InvalidDataException($"'{file.Path}' holds '{file.Tensors.First(tensor => !names.Contains(tensor.Name)).Name}', which is no weight of its configuration.");
    }
}
