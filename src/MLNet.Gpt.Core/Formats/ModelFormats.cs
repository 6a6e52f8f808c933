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

/// <summary>The formats that are known here: the one list that finds the format of a file or folder and of an export.</summary>
internal static class ModelFormats
{
    private const int ShownStart = 8;

    // Formats that look into the same kind of file stand in the order in which they are asked: our own zips and
    // safetensors files before everybody's, and Hugging Face, to which any other JSON belongs, at the end.
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

    /// <summary>Finds the format from the content of a file, or from the files in a folder, and opens it.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="files">Receives the files that the model reads from.</param>
    /// <param name="options">What the caller knows of the model.</param>
    /// <exception cref="InvalidDataException">The format is not known, or its reader refuses the file.</exception>
    public static OpenedModel Open(string path, OpenFiles files, OpenOptions options)
    {
        using var content = ModelContent.Open(path);
        return Open(content, files, options);
    }

    /// <summary>Finds the format of content and opens it.</summary>
    public static OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options)
    {
        options.CancellationToken.ThrowIfCancellationRequested();
        if (!content.IsFolder && content.File.Length == 0) throw new InvalidDataException($"'{content.Path}' is empty.");
        var format = Array.Find(All, format => format.Recognizes(content)) ?? throw Unknown(content);
        return format.Open(content, files, options);
    }

    /// <summary>How a format is written.</summary>
    public static ModelWriter WriterOf(ExportFormat format) =>
        Writers().FirstOrDefault(writer => writer.Format == format) ?? throw Check.Undefined(format, nameof(format));

    /// <summary>The writer that a path's extension means; without a known extension, that of a folder.</summary>
    public static ModelWriter WriterOf(string path)
    {
        string extension = Path.GetExtension(path);
        return Writers().FirstOrDefault(writer => writer.Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase))
            ?? Writers().Single(writer => writer.Extensions.Count == 0);
    }

    private static IEnumerable<ModelWriter> Writers() => All.Select(format => format.Writer).OfType<ModelWriter>();

    private static InvalidDataException Unknown(ModelContent content)
    {
        if (!content.IsFolder)
        {
            string start = Convert.ToHexString(content.Start[..Math.Min(content.Start.Length, ShownStart)]);
            return new(
                $"'{content.Path}' is of no format that is known here: a model is a safetensors, PyTorch, GGUF or "
                + "TensorFlow checkpoint file; "
                + $"this one begins with the bytes {start}.");
        }

        ReadableFile.CheckFolder(content.Path);
        return new(
            $"The folder '{content.Path}' holds no model that is known here: neither {HuggingFaceConstants.ConfigFile} of Hugging Face "
            + $"nor {TensorFlowConstants.HyperparametersFile} of OpenAI's release.");
    }
}
