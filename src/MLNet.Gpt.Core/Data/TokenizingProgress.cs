namespace MLNet.Gpt;

/// <summary>How far the making of a token file has come.</summary>
/// <param name="Documents">Documents done.</param>
/// <param name="BytesRead">Bytes of text read so far.</param>
/// <param name="TotalBytes">Bytes of text in all; <see langword="null"/> where it is not known beforehand.</param>
/// <param name="Tokens">Tokens written so far.</param>
public sealed record TokenizingProgress(int Documents, long BytesRead, long? TotalBytes, long Tokens);
