using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.Package;

/// <summary>
/// This library's own file: a safetensors file with the weights named as in <see cref="OwnNames.Table"/>, and the
/// configuration and the tokenizer in its metadata.
/// </summary>
internal sealed class CheckpointFormat : IModelFormat
{
    private const string VersionKey = "mlnet_gpt.version";
    private const string Version = "1";

    public ModelWriter Writer { get; } = new(ExportFormat.Checkpoint, [".safetensors"], ModelWriter.PlainTypes, Write);

    public bool Recognizes(ModelContent content) => !content.IsFolder && SafetensorsReader.Recognizes(content.Start, content.File.Length)
        && content.Parsed(SafetensorsReader.Open)!.Metadata.ContainsKey(VersionKey);

    public OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options)
    {
        files.Add(content.Take());
        return Open(content.Parsed(SafetensorsReader.Open)!, "MLNet.Gpt safetensors", options.CancellationToken);
    }

    /// <summary>Opens a model in a checkpoint.</summary>
    /// <param name="file">The checkpoint.</param>
    /// <param name="format">The name of the format of the file around it.</param>
    /// <param name="cancellationToken">Cancels opening.</param>
    public static OpenedModel Open(SafetensorsReader file, string format, CancellationToken cancellationToken)
    {
        var (config, tokenizer) = ReadMetadata(file);
        var weights = new WeightMap(
            file.Path, config, OwnNames.Table, TensorNames.Index(file.FileTensors()), cancellationToken: cancellationToken);
        return new(format, weights, () => tokenizer);
    }

    /// <summary>Reads the configuration and the tokenizer in the metadata of a file.</summary>
    /// <exception cref="InvalidDataException">They are damaged or inconsistent.</exception>
    public static (GptConfig Config, ITextTokenizer? Tokenizer) ReadMetadata(SafetensorsReader file)
    {
        string version = Text(file, VersionKey);
        if (version != Version)
        {
            throw new InvalidDataException($"'{file.Path}' is a checkpoint of version '{version}'; this library reads version {Version}.");
        }

        var config = GptConfigJson.Read(file.Path, Text(file, GptConfigJson.MetadataKey));
        var tokenizer = file.Metadata.TryGetValue(TokenizerJson.MetadataKey, out string? json)
            ? TokenizerJson.Read(file.Path, json, config.VocabularySize)
            : null;
        return (config, tokenizer);
    }

    /// <summary>Writes a validated model.</summary>
    public static void Write(ExportJob job)
    {
        ExportTensor[] tensors = [.. new ModelTensors(job.Weights, OwnNames.Table).All()];
        job.Meter.TotalBytes = job.DataType.Size(job.Config.ParameterCount);
        SafetensorsWriter.Write(job.Path, tensors, job.DataType, MetadataOf(job.Config, job.Tokenizer), job.Elements());
    }

    /// <summary>Writes the same bytes, in single precision, to a stream, from front to back.</summary>
    public static void Write(Stream stream, IWeightSource weights, ITextTokenizer? tokenizer, CancellationToken cancellationToken = default)
    {
        ExportTensor[] tensors = [.. new ModelTensors(weights, OwnNames.Table).All()];
        var elements = new ElementWriter(new ExportMeter(progress: null, cancellationToken));
        SafetensorsWriter.Write(stream, tensors, TensorDataType.Float32, MetadataOf(weights.Config.Validated(), tokenizer), elements);
    }

    private static Dictionary<string, string> MetadataOf(GptConfig config, ITextTokenizer? tokenizer)
    {
        var metadata = new Dictionary<string, string>
        {
            [SafetensorsConstants.FrameworkKey] = SafetensorsConstants.Framework,
            [VersionKey] = Version,
            [GptConfigJson.MetadataKey] = GptConfigJson.Write(config),
        };
        if (tokenizer is null) return metadata;
        metadata[TokenizerJson.MetadataKey] = TokenizerJson.Write(FittedTokenizer.Of(tokenizer, config.VocabularySize));
        return metadata;
    }

    private static string Text(SafetensorsReader file, string key) => file.Metadata.TryGetValue(key, out string? text)
        ? text
        : throw new InvalidDataException($"'{file.Path}' is not a checkpoint of this library: its metadata lacks '{key}'.");
}
