using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Package;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt;

/// <summary>
/// A model in one file: its weights, configuration and tokenizer. The file is a safetensors file that other programs
/// can read: the weights have the keys of <see cref="WeightNames"/>, those of the book's state dict; everything else is
/// in its metadata. Thread-safe.
/// </summary>
public sealed class GptCheckpoint : IWeightSource, IDisposable
{
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
    public TensorDataType DataType => _file.Tensors[0].DataType;

    /// <summary>
    /// Saves a model. The file is written to a temporary name, flushed to disk and moved into place, so that a crash
    /// leaves either the old file or the new one.
    /// </summary>
    /// <param name="path">The file to create or replace; by convention it ends in <c>.safetensors</c>.</param>
    /// <param name="weights">Read once, front to back.</param>
    /// <param name="tokenizer">
    /// A <see cref="Gpt2Tokenizer"/>, <see cref="BytePairTokenizer"/> or <see cref="WordTokenizer"/>;
    /// <see langword="null"/> to save none.
    /// </param>
    /// <param name="dataType">Float32, which loses nothing; Float16 and BFloat16 halve the file and round.</param>
    /// <param name="cancellationToken">Stops the operation and keeps the old file.</param>
    /// <exception cref="ArgumentException">
    /// The tokenizer is of another kind, its vocabulary is not the model's, or a weight is beyond the range of the data
    /// type.
    /// </exception>
    public static void Save(
        string path,
        IWeightSource weights,
        ITextTokenizer? tokenizer,
        TensorDataType dataType = TensorDataType.Float32,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var options = new ExportOptions { Format = ExportFormat.Checkpoint, DataType = dataType };
        GptModelExporter.Export(path, weights, tokenizer, options, progress: null, cancellationToken);
    }

    /// <summary>Opens a saved model. Reads and checks the header; weights are read on demand.</summary>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, was not written by <see cref="Save"/>, or was written by a later version of it; the message
    /// says what is wrong.
    /// </exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static GptCheckpoint Open(string path) => Open(PositionedFile.Open(path));

    /// <summary>Takes ownership of an open file that contains a saved model.</summary>
    internal static GptCheckpoint Open(PositionedFile saved)
    {
        var file = SafetensorsReader.Open(saved);
        try
        {
            var (config, tokenizer) = CheckpointFormat.ReadMetadata(file);
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

    // The configuration's weights are enumerated lazily, so that a damaged number of layers ends at the first missing
    // weight.
    private static void CheckWeights(SafetensorsReader file, GptConfig config)
    {
        int count = 0;
        foreach (var entry in WeightNames.For(config))
        {
            var tensor = file.Find(entry.Name)
                ?? throw new InvalidDataException($"'{file.Path}' lacks the weight '{entry.Name}' of its configuration.");
            if (!tensor.Shape.SequenceEqual(entry.Shape.Select(size => (long)size)))
            {
                throw new InvalidDataException(
                    $"'{file.Path}' contains {tensor}; its configuration requires the shape ({string.Join(", ", entry.Shape)}).");
            }

            if (tensor.DataType is not (TensorDataType.Float32 or TensorDataType.Float16 or TensorDataType.BFloat16))
            {
                throw new InvalidDataException($"'{file.Path}' contains {tensor}; weights must be F32, F16 or BF16.");
            }

            count++;
        }

        if (count == file.Tensors.Count) return;
        var names = WeightNames.For(config).Select(entry => entry.Name).ToHashSet();
        throw new InvalidDataException(
            $"'{file.Path}' contains '{file.Tensors.First(tensor => !names.Contains(tensor.Name)).Name}', which is not a "
            + "weight of its configuration.");
    }
}
