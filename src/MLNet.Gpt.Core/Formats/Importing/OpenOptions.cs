namespace MLNet.Gpt.Formats.Importing;

/// <summary>What a caller knows and wants of a model beside its path.</summary>
/// <param name="HeadCount">Attention heads, where the file does not tell them.</param>
/// <param name="UseStoredHead">Whether a head that differs from the token embedding is used where the configuration ties the two.</param>
/// <param name="CancellationToken">Stops the opening.</param>
internal readonly record struct OpenOptions(int? HeadCount, bool UseStoredHead, CancellationToken CancellationToken = default);
