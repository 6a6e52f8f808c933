using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Formats;

/// <summary>How a model is exported. Settings for one format are ignored by the others.</summary>
public sealed record ExportOptions
{
    /// <summary>The format, or <see langword="null"/> to take it from the path.</summary>
    /// <value>
    /// <see langword="null"/>: <c>.safetensors</c> is the library's own file, <c>.pth</c> and <c>.pt</c> a state dict,
    /// <c>.gguf</c> is GGUF, <c>.onnx</c> ONNX; any other path is a Hugging Face folder.
    /// </value>
    public ExportFormat? Format { get; init => field = Check.Defined(value, nameof(Format)); }

    /// <summary>How the weights are stored.</summary>
    /// <value><see cref="TensorDataType.Float32"/>, which loses nothing.</value>
    public TensorDataType DataType { get; init => field = Check.Defined(value, nameof(DataType)); } = TensorDataType.Float32;

    /// <summary>
    /// Whether weights beyond the range of <see cref="DataType"/> are written as its largest number with their sign.
    /// Otherwise they are an error, because they would become infinite. NaN is always an error, unless the type is
    /// <see cref="TensorDataType.Float32"/>, which keeps everything.
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool ClampsToRange { get; init; }

    /// <summary>
    /// Hugging Face: the maximum bytes of tensors in one file; a larger model is split into several files with an
    /// index. At least 1.
    /// </summary>
    /// <value>5,000,000,000.</value>
    public long ShardSize
    {
        get;
        init =>
            field = value >= 1
                ? value
                : throw new ArgumentOutOfRangeException(
                    nameof(ShardSize), value, $"{nameof(ShardSize)} is {value}; it must be at least 1 byte.");
    } = 5_000_000_000;

    /// <summary>
    /// PyTorch: whether the book's causal-mask buffers (<c>att.mask</c>) are written, without which its model's strict
    /// <c>load_state_dict</c> fails.
    /// </summary>
    /// <value><see langword="true"/>. All layers share the bytes of one.</value>
    public bool IncludeCausalMasks { get; init; } = true;

    /// <summary>
    /// ONNX: whether the graph takes and returns keys and values of earlier tokens, so that each further token costs
    /// only its own work. Without it, the only input is <c>input_ids</c> and the only output <c>logits</c>.
    /// </summary>
    /// <value><see langword="true"/>.</value>
    public bool IncludeKeyValueCache { get; init; } = true;

    /// <summary>
    /// ONNX: the maximum bytes of weights in the file itself; more go into a second file next to it,
    /// <c>NAME.onnx.data</c>. 0 means always a second file; at most 2,000,000,000, because a protobuf message must stay
    /// below 2 GiB.
    /// </summary>
    /// <value>2,000,000,000.</value>
    public long InlineWeightLimit
    {
        get;
        init => field = value is >= 0 and <= MaximumInline
            ? value
            : throw new ArgumentOutOfRangeException(
                nameof(InlineWeightLimit), value, $"{nameof(InlineWeightLimit)} is {value}; it must be from 0 to {MaximumInline} bytes.");
    } = MaximumInline;

    private const long MaximumInline = 2_000_000_000;
}
