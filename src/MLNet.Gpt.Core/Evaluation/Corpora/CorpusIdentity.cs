namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>What tells a corpus from another.</summary>
/// <param name="Fingerprint">A hash of the documents' names and texts, in order.</param>
/// <param name="DocumentCount">Documents.</param>
/// <param name="CharacterCount">Characters of all texts, in UTF-16 units.</param>
internal sealed record CorpusIdentity(string Fingerprint, long DocumentCount, long CharacterCount);
