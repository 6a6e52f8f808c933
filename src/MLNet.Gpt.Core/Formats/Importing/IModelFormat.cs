using MLNet.Gpt.Formats.Exporting;

namespace MLNet.Gpt.Formats.Importing;

/// <summary>A format of models: what its files look like, how they are opened, and whether it can be written.</summary>
internal interface IModelFormat
{
    /// <summary>
    /// Whether content is of this format, as far as its beginning, its end or its list of parts tells. Formats are asked
    /// in the order of the registry, and the first that says yes opens the content.
    /// </summary>
    bool Recognizes(ModelContent content);

    /// <summary>Opens a model.</summary>
    /// <param name="content">What <see cref="Recognizes"/> said yes to.</param>
    /// <param name="files">Receives every file that the model reads from; the caller closes them where opening fails.</param>
    /// <param name="options">What the caller knows of the model.</param>
    /// <exception cref="InvalidDataException">The content is damaged or not a model that is known here.</exception>
    OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options);

    /// <summary>Writes the format, or <see langword="null"/> if it is only read.</summary>
    ModelWriter? Writer => null;
}

/// <summary>How a format is written.</summary>
/// <param name="Format">What callers choose it by.</param>
/// <param name="Extensions">The extensions of paths that mean it, lower-case with the dot; none for the format of all other paths.</param>
/// <param name="DataTypes">The data types that weights can have in it.</param>
/// <param name="Write">Writes a checked model.</param>
internal sealed record ModelWriter(
    ExportFormat Format, IReadOnlyList<string> Extensions, IReadOnlyList<TensorDataType> DataTypes, Action<ExportJob> Write)
{
    /// <summary>Types of single elements, which all but ONNX can hold.</summary>
    public static IReadOnlyList<TensorDataType> PlainTypes { get; } = [
        TensorDataType.Float32, TensorDataType.Float16, TensorDataType.BFloat16
    ];
}
