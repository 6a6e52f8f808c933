namespace MLNet.Gpt.Formats;

/// <summary>How far an export has come.</summary>
/// <param name="Tensor">The tensor that is being written, by its name in the file.</param>
/// <param name="BytesWritten">Bytes of weights written so far.</param>
/// <param name="TotalBytes">Bytes of weights that will be written.</param>
public readonly record struct ExportProgress(string Tensor, long BytesWritten, long TotalBytes);
