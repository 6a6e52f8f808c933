using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Exporting;

/// <summary>One export, checked: what each format's exporter is given.</summary>
internal sealed record ExportJob(string Path, IWeightSource Weights, ITextTokenizer? Tokenizer, ExportOptions Options, ExportMeter Meter)
{
    public GptConfig Config => Weights.Config;

    public ExportDataType DataType => Options.DataType;

    /// <summary>Writes the weights as the options ask for.</summary>
    public ElementWriter Elements() => new(Meter, Options.ClampsToRange);
}
