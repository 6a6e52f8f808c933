namespace MLNet.Gpt.Formats.Importing;

/// <summary>What a caller tells of a model beside its path.</summary>
/// <param name="HeadCount">Attention heads, where the file does not tell them.</param>
/// <param name="UseStoredHead">Whether a head that differs from the token embedding is used where the configuration ties the two.</param>
internal readonly record struct OpenOptions(int? HeadCount, bool UseStoredHead);
