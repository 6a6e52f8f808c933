using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Network;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats;

/// <summary>Exports models to the formats of other programs.</summary>
/// <remarks>
/// Weights are streamed: at most one matrix of a block is in memory. Files are written to temporary names, flushed to
/// disk and moved into place, so that a crash at any moment leaves either the old model or the new one.
/// </remarks>
public static class GptModelExporter
{
    /// <summary>Exports a model.</summary>
    /// <param name="path">
    /// The file, or for <see cref="ExportFormat.HuggingFace"/> the folder, to create or replace. A folder is replaced
    /// only if it contains nothing but a model.
    /// </param>
    /// <param name="weights">
    /// A model, a checkpoint, or any other source; read once, or for <see cref="TensorDataType.Q4_0"/> twice where it already
    /// consists of such blocks, which are kept.
    /// </param>
    /// <param name="tokenizer">
    /// The tokenizer, which is written if the format supports it; <see langword="null"/> to write none. GGUF does not
    /// support word vocabularies, and a state dict no tokenizer at all.
    /// </param>
    /// <param name="options">Format, data type and more; the defaults if <see langword="null"/>.</param>
    /// <param name="progress">Receives a report after every mebibyte or so, on this thread.</param>
    /// <param name="cancellationToken">Stops the export and keeps what was there before.</param>
    /// <exception cref="ArgumentException">
    /// The format does not support the decoder, the data type or the tokenizer, or a weight is beyond the data type's range; what
    /// was there before is kept.
    /// </exception>
    /// <exception cref="IOException">
    /// The file cannot be written, or the folder contains something that would be lost.
    /// </exception>
    /// <exception cref="OperationCanceledException">The export was canceled; what was there before is kept.</exception>
    public static void Export(
        string path,
        IWeightSource weights,
        ITextTokenizer? tokenizer,
        ExportOptions? options = null,
        IProgress<ExportProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Write(path, weights, tokenizer, classifier: null, options ?? new(), progress, cancellationToken);

    /// <summary>Exports a model for sequence classification to a Hugging Face folder.</summary>
    internal static void ExportClassifier(
        string path,
        IWeightSource weights,
        ITextTokenizer? tokenizer,
        StoredClassifier classifier,
        ExportOptions? options,
        IProgress<ExportProgress>? progress,
        CancellationToken cancellationToken)
    {
        options = (options ?? new()) with { Format = ExportFormat.HuggingFace };
        Write(path, weights, tokenizer, classifier, options, progress, cancellationToken);
    }

    private static void Write(
        string path,
        IWeightSource weights,
        ITextTokenizer? tokenizer,
        StoredClassifier? classifier,
        ExportOptions options,
        IProgress<ExportProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(weights);
        cancellationToken.ThrowIfCancellationRequested();
        var config = weights.Config.Validated();
        var writer = options.Format is { } format ? ModelFormats.WriterOf(format) : ModelFormats.WriterOf(path);
        if (!writer.DataTypes.Contains(options.DataType))
        {
            throw new ArgumentException(
                $"{writer.Format} supports weights as {string.Join(", ", writer.DataTypes)}, not as {options.DataType}.", nameof(options));
        }

        if (writer.ObstacleOf(config) is { } obstacle)
        {
            throw new ArgumentException(
                $"{writer.Format} cannot describe this decoder: {obstacle}. {string.Join(" and ", ModelFormats.FormatsFor(config))} can. "
                + $"It is {config}.",
                nameof(weights));
        }

        if (tokenizer is not null) tokenizer = FittedTokenizer.Of(tokenizer, config.VocabularySize);
        writer.Write(new ExportJob(path, weights, tokenizer, options, new ExportMeter(progress, cancellationToken))
        {
            Classifier = classifier,
        });
    }

    /// <summary>
    /// Returns the format that a path determines by its extension: <see cref="ExportFormat.HuggingFace"/>, a folder, for
    /// an extension that belongs to no other format.
    /// </summary>
    public static ExportFormat FormatOf(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return ModelFormats.WriterOf(path).Format;
    }

    /// <summary>Exports a model on the thread pool.</summary>
    /// <param name="path"><inheritdoc cref="Export" path="/param[@name='path']/node()"/></param>
    /// <param name="weights">A model, a checkpoint, or any other source; read once. It must not be disposed before the task ends.</param>
    /// <param name="tokenizer"><inheritdoc cref="Export" path="/param[@name='tokenizer']/node()"/></param>
    /// <param name="options"><inheritdoc cref="Export" path="/param[@name='options']/node()"/></param>
    /// <param name="progress">Receives a report after every mebibyte or so, on the thread that writes.</param>
    /// <param name="cancellationToken"><inheritdoc cref="Export" path="/param[@name='cancellationToken']/node()"/></param>
    /// <returns>A task that ends when the model is in place; it fails with the exceptions of <see cref="Export"/>.</returns>
    public static Task ExportAsync(
        string path,
        IWeightSource weights,
        ITextTokenizer? tokenizer,
        ExportOptions? options = null,
        IProgress<ExportProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Task.Run(() => Export(path, weights, tokenizer, options, progress, cancellationToken), cancellationToken);
}
