namespace MLNet.Gpt.Formats.Exporting;

/// <summary>Counts what is written, tells it, and stops where the caller wants.</summary>
internal sealed class ExportMeter(IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
{
    private long _written;

    /// <summary>Bytes of weights that will be written; set before the first of them.</summary>
    public long TotalBytes { get; set; }

    /// <exception cref="OperationCanceledException">The caller wants no more.</exception>
    public void ThrowIfCancelled() => cancellationToken.ThrowIfCancellationRequested();

    /// <summary>Tells of bytes that were written.</summary>
    public void Advance(string tensor, int bytes)
    {
        _written += bytes;
        progress?.Report(new(tensor, _written, TotalBytes));
    }
}
