namespace MLNet.Gpt;

/// <summary>A document of a corpus.</summary>
/// <param name="Name">What results call it, such as the file's name.</param>
/// <param name="Text">Its text.</param>
public sealed record CorpusDocument(string Name, string Text);
