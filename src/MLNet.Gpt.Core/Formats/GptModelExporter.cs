using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Gguf;
using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Onnx;
using MLNet.Gpt.Formats.PyTorch;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats;

/// <summary>Writes models in the formats of other programs.</summary>
/// <remarks>
/// Weights are streamed: at most one matrix of a block is held in memory. What is written goes aside, is flushed to the
/// disk and moved into place; a crash at any moment leaves the old model or the new one.
/// </remarks>
public static class GptModelExporter
{
    /// <summary>Writes a model.</summary>
    /// <param name="path">
    /// The file, or for <see cref="ExportFormat.HuggingFace"/> the folder, to make or replace. A folder is replaced
    /// only where it holds nothing but a model.
    /// </param>
    /// <param name="weights">A model, a checkpoint, or any other source; read once.</param>
    /// <param name="tokenizer">
    /// Goes into the file where the format has a place for it; <see langword="null"/> to write none. GGUF has none for
    /// a vocabulary of words, a state dict none at all.
    /// </param>
    /// <param name="options">Format, data type and more; the defaults where <see langword="null"/>.</param>
    /// <param name="progress">Told after every mebibyte or so; called on this thread.</param>
    /// <param name="cancellationToken">Stops the writing and leaves what was there.</param>
    /// <exception cref="ArgumentException">
    /// The format has no such data type or no place for such a tokenizer, the tokenizer has ordinary tokens that the
    /// model has not, or a weight is beyond the data type's range; what was there stays as it was.
    /// </exception>
    /// <exception cref="IOException">
    /// The file cannot be written, or the folder holds something that would be lost.
    /// </exception>
    public static void Export(
        string path,
        IWeightSource weights,
        ITextTokenizer? tokenizer,
        ExportOptions? options = null,
        IProgress<ExportProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(weights);
        options ??= new ExportOptions();
        var config = weights.Config.Validated();
        var format = options.Format ?? ExportFormats.FromPath(path);
        var allowed = format.DataTypes();
        if (!allowed.Contains(options.DataType))
        {
            throw new ArgumentException($"{format} holds weights as {string.Join(", ", allowed)}, not as {options.DataType}.", nameof(options));
        }

        if (tokenizer is not null) tokenizer = FittedTokenizer.Of(tokenizer, config.VocabularySize, nameof(tokenizer));
        var job = new ExportJob(path, weights, tokenizer, options, new ExportMeter(progress, cancellationToken));
        switch (format)
        {
            case ExportFormat.Checkpoint:
                GptCheckpoint.Write(job);
                break;
            case ExportFormat.HuggingFace:
                HuggingFaceWriter.Write(job);
                break;
            case ExportFormat.PyTorch:
                PyTorchWriter.Write(job);
                break;
            case ExportFormat.Gguf:
                GgufWriter.Write(job);
                break;
            case ExportFormat.Onnx:
                OnnxWriter.Write(job);
                break;
            default:
                throw Check.Undefined(format, nameof(options));
        }
    }
}
