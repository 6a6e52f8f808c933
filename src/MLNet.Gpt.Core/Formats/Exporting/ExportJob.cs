using MLNet.Gpt.Network;

namespace MLNet.Gpt.Formats.Exporting;

/// <summary>A validated export, as passed to the format's writer.</summary>
internal sealed record ExportJob(string Path, IWeightSource Weights, ITextTokenizer? Tokenizer, ExportOptions Options, ExportMeter Meter)
{
    /// <summary>The head for sequence classification, in a Hugging Face folder; <see langword="null"/> if there is none.</summary>
    public StoredClassifier? Classifier { get; init; }

    public GptConfig Config => Weights.Config;

    public TensorDataType DataType => Options.DataType;

    /// <summary>Creates a writer for the weights, according to the options.</summary>
    public ElementWriter Elements() => new(Meter, Options.ClampsToRange);
}

/// <summary>Counts what is written, reports it, and supports cancellation.</summary>
internal sealed class ExportMeter(IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
{
    private long _written;

    /// <summary>Bytes of weights that will be written; set before the first of them.</summary>
    public long TotalBytes { get; set; }

    /// <exception cref="OperationCanceledException">The export was canceled.</exception>
    public void ThrowIfCancelled() => cancellationToken.ThrowIfCancellationRequested();

    /// <summary>Reports bytes that were written.</summary>
    public void Advance(string tensor, int bytes)
    {
        _written += bytes;
        progress?.Report(new(tensor, _written, TotalBytes));
    }
}
