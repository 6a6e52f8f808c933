namespace MLNet.Gpt.Formats.Exporting;

/// <summary>One export, checked: what each format's exporter is given.</summary>
internal sealed record ExportJob(string Path, IWeightSource Weights, ITextTokenizer? Tokenizer, ExportOptions Options, ExportMeter Meter)
{
    public GptConfig Config => Weights.Config;

    public TensorDataType DataType => Options.DataType;

    /// <summary>Writes the weights as the options ask for.</summary>
    public ElementWriter Elements() => new(Meter, Options.ClampsToRange);
}

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
