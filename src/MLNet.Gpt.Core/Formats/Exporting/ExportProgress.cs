namespace MLNet.Gpt.Formats;

/// <summary>The progress of an export.</summary>
public readonly struct ExportProgress
{
    internal ExportProgress(string tensor, long bytesWritten, long totalBytes)
    {
        Tensor = tensor;
        BytesWritten = bytesWritten;
        TotalBytes = totalBytes;
    }

    /// <summary>The tensor that is being written, by its name in the file.</summary>
    public string Tensor { get; }

    /// <summary>Bytes of weights written so far.</summary>
    public long BytesWritten { get; }

    /// <summary>Bytes of weights that will be written.</summary>
    public long TotalBytes { get; }

    /// <summary>Returns the tensor and the numbers of bytes.</summary>
    public override string ToString() => FormattableString.Invariant($"{Tensor}: {BytesWritten:N0} of {TotalBytes:N0} bytes");
}
