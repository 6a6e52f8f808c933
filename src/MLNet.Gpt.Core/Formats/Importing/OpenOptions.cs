namespace MLNet.Gpt.Formats.Importing;

/// <summary>What a caller specifies about a model besides its path.</summary>
/// <param name="HeadCount">Attention heads, if the file does not say.</param>
/// <param name="UseStoredHead">
/// Whether a head that differs from the token embedding is used if the configuration ties the two.
/// </param>
/// <param name="CancellationToken">Cancels opening.</param>
internal readonly record struct OpenOptions(int? HeadCount, bool UseStoredHead, CancellationToken CancellationToken = default);
