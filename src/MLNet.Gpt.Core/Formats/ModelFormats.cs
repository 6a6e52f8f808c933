using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Gguf;
using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Onnx;
using MLNet.Gpt.Formats.Package;
using MLNet.Gpt.Formats.StateDicts;
using MLNet.Gpt.Formats.TensorFlow;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats;

/// <summary>The list of supported formats, which determines the format of a file, a folder or an export.</summary>
internal static class ModelFormats
{
    private const int ShownStart = 8;

    // Formats with the same kind of file are in the order in which they are tried: our own zips and safetensors files
    // before others, and Hugging Face, which any other JSON belongs to, at the end.
    private static readonly IModelFormat[] All =
    [
        new GgufFormat(),
        new PackageFormat(),
        new PipelineFormat(),
        new CheckpointFormat(),
        new PyTorchFormat(),
        new SafetensorsFormat(),
        new TensorFlowFormat(),
        new HuggingFaceFormat(),
        new OnnxFormat(),
    ];

    /// <summary>Detects the format from the content of a file, or from the files in a folder, and opens it.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="files">Receives the files that the model reads from.</param>
    /// <param name="options">What the caller knows about the model.</param>
    /// <exception cref="InvalidDataException">The format is unknown, or its reader rejects the file.</exception>
    public static OpenedModel Open(string path, OpenFiles files, OpenOptions options)
    {
        using var content = ModelContent.Open(path);
        return Open(content, files, options);
    }

    /// <summary>Detects the format of content and opens it.</summary>
    public static OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options)
    {
        options.CancellationToken.ThrowIfCancellationRequested();
        if (!content.IsFolder && content.File.Length == 0) throw new InvalidDataException($"'{content.Path}' is empty.");
        var format = Array.Find(All, format => format.Recognizes(content)) ?? throw Unknown(content);
        return format.Open(content, files, options);
    }

    /// <summary>Returns the writer of a format.</summary>
    public static ModelWriter WriterOf(ExportFormat format) =>
        Writers().FirstOrDefault(writer => writer.Format == format) ?? throw Check.Undefined(format, nameof(format));

    /// <summary>Returns the writer for a path's extension; for an unknown extension, the writer of folders.</summary>
    public static ModelWriter WriterOf(string path)
    {
        string extension = Path.GetExtension(path);
        return Writers().FirstOrDefault(writer => writer.Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase))
            ?? Writers().Single(writer => writer.Extensions.Count == 0);
    }

    /// <summary>Returns the formats that a decoder can be written in.</summary>
    public static IEnumerable<ExportFormat> FormatsFor(GptConfig config) =>
        Writers().Where(writer => writer.ObstacleOf(config) is null).Select(writer => writer.Format);

    private static IEnumerable<ModelWriter> Writers() => All.Select(format => format.Writer).OfType<ModelWriter>();

    private static InvalidDataException Unknown(ModelContent content)
    {
        if (!content.IsFolder)
        {
            string start = Convert.ToHexString(content.Start[..Math.Min(content.Start.Length, ShownStart)]);
            return new(
                $"'{content.Path}' has an unknown format: a model is a safetensors, PyTorch, GGUF or "
                + "TensorFlow checkpoint file; "
                + $"this one begins with the bytes {start}.");
        }

        ReadableFile.CheckFolder(content.Path);
        return new(
            $"The folder '{content.Path}' does not contain a known model: neither {HuggingFaceConstants.ConfigFile} of Hugging Face "
            + $"nor {TensorFlowConstants.HyperparametersFile} of OpenAI's release.");
    }
}
