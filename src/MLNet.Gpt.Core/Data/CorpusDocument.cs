namespace MLNet.Gpt;

/// <summary>A document of a <see cref="Corpus"/>.</summary>
public sealed class CorpusDocument
{
    /// <summary>Initializes a document.</summary>
    /// <param name="name">The name by which results refer to it, such as that of its file.</param>
    /// <param name="text">Its text.</param>
    public CorpusDocument(string name, string text)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(text);
        (Name, Text) = (name, text);
    }

    /// <summary>The name by which results refer to the document.</summary>
    public string Name { get; }

    /// <summary>The text.</summary>
    public string Text { get; }

    /// <summary>Returns <see cref="Name"/>.</summary>
    public override string ToString() => Name;
}
