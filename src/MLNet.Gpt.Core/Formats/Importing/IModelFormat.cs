using MLNet.Gpt.Formats.Exporting;

namespace MLNet.Gpt.Formats.Importing;

/// <summary>A model format: how to recognize and open its files, and how to write them if it is supported.</summary>
internal interface IModelFormat
{
    /// <summary>
    /// Returns whether content is of this format, judging by its beginning, its end or its list of parts. Formats are
    /// tried in the order of the registry, and the first that recognizes the content opens it.
    /// </summary>
    bool Recognizes(ModelContent content);

    /// <summary>Opens a model.</summary>
    /// <param name="content">Content that <see cref="Recognizes"/> accepted.</param>
    /// <param name="files">
    /// Receives every file that the model reads from; the caller closes them if opening fails.
    /// </param>
    /// <param name="options">What the caller knows about the model.</param>
    /// <exception cref="InvalidDataException">The content is damaged or not a supported model.</exception>
    OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options);

    /// <summary>The format's writer, or <see langword="null"/> if it can only be read.</summary>
    ModelWriter? Writer => null;
}

/// <summary>Writes a format.</summary>
/// <param name="Format">The value by which callers choose it.</param>
/// <param name="Extensions">
/// The path extensions for it, in lower case with the dot; none for the format of all other paths.
/// </param>
/// <param name="DataTypes">The data types that it supports for weights.</param>
/// <param name="Write">Writes a validated model.</param>
internal sealed record ModelWriter(
    ExportFormat Format, IReadOnlyList<string> Extensions, IReadOnlyList<TensorDataType> DataTypes, Action<ExportJob> Write)
{
    /// <summary>
    /// Returns what keeps the format from describing a decoder, as a clause; <see langword="null"/> if nothing does, the default.
    /// </summary>
    public Func<GptConfig, string?> ObstacleOf { get; init; } = _ => null;

    /// <summary>Types of single elements, which all formats except ONNX support.</summary>
    public static IReadOnlyList<TensorDataType> PlainTypes { get; } = [
        TensorDataType.Float32, TensorDataType.Float16, TensorDataType.BFloat16
    ];
}
