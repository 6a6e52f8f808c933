using System.Text;

namespace MLNet.Gpt;

/// <summary>How text files become rows.</summary>
public sealed record TextLoadingOptions
{
    /// <summary>The column of text.</summary>
    /// <value><c>Text</c>.</value>
    public string TextColumnName { get; init => field = NotEmpty(value, nameof(TextColumnName)); } = "Text";

    /// <summary>
    /// The column with the name of a document's file, relative to the folder that was loaded, with slashes.
    /// </summary>
    /// <value><c>FileName</c>; <see langword="null"/> leaves it out.</value>
    public string? FileNameColumnName { get; init => field = value is null ? null : NotEmpty(value, nameof(FileNameColumnName)); } =
        "FileName";

    /// <summary>
    /// The encoding of files that do not begin with a byte order mark. Bytes that are not valid in it are an error.
    /// </summary>
    /// <value><see langword="null"/>: UTF-8.</value>
    public Encoding? Encoding { get; init; }

    private static string NotEmpty(string value, string name) =>
        value is { Length: > 0 } ? value : throw new ArgumentException($"{name} is empty.", name);
}
