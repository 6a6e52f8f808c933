namespace MLNet.Gpt.Data;

/// <summary>A document whose text is read on demand.</summary>
/// <param name="fileName">The file that the document comes from.</param>
/// <param name="read">Reads the text.</param>
internal sealed class TextDocument(string fileName, Func<string> read)
{
    public string FileName { get; } = fileName;

    public string Text => field ??= read();
}
