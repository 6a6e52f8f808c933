using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Formats;

/// <summary>What a model is written as. Settings of one format are ignored by the others.</summary>
public sealed record ExportOptions
{
    /// <summary>The format, or <see langword="null"/> to take it from the path.</summary>
    /// <value>
    /// <see langword="null"/>: <c>.safetensors</c> is the library's own file, <c>.pth</c> and <c>.pt</c> a state dict,
    /// <c>.gguf</c> and <c>.onnx</c> what they say; any other path is a Hugging Face folder.
    /// </value>
    public ExportFormat? Format { get; init => field = Check.Defined(value, nameof(Format)); }

    /// <summary>How the weights are stored.</summary>
    /// <value><see cref="TensorDataType.Float32"/>, which loses nothing.</value>
    public TensorDataType DataType { get; init => field = Check.Defined(value, nameof(DataType)); } = TensorDataType.Float32;

    /// <summary>
    /// Whether weights that lie beyond the range of <see cref="DataType"/> are written as its largest number with their
    /// sign. Otherwise the model is rejected, as they would become infinite. A weight that is not a number is refused
    /// either way, unless the type is <see cref="TensorDataType.Float32"/>, which keeps everything.
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool ClampsToRange { get; init; }

    /// <summary>
    /// Hugging Face: bytes of tensors up to which they go into one file; what is larger is cut into several with an
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
    /// ONNX: whether the graph takes and returns keys and values of earlier tokens, so that a next token costs one
    /// token's work. Without, its one input is <c>input_ids</c> and its one output <c>logits</c>.
    /// </summary>
    /// <value><see langword="true"/>.</value>
    public bool IncludeKeyValueCache { get; init; } = true;

    /// <summary>
    /// ONNX: bytes of weights up to which they stand in the file itself; more go into a second file beside it,
    /// <c>NAME.onnx.data</c>. 0 for a second file always; at most 2,000,000,000, since a protobuf message must stay
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
