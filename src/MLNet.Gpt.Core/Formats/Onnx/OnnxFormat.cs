using MLNet.Gpt.Formats.Importing;

namespace MLNet.Gpt.Formats.Onnx;

/// <summary>ONNX, which can only be written.</summary>
internal sealed class OnnxFormat : IModelFormat
{
    public ModelWriter Writer { get; } = new(
        ExportFormat.Onnx, [".onnx"], [TensorDataType.Float32, TensorDataType.Float16], OnnxWriter.Write)
    {
        ObstacleOf = config => !config.IsGpt2 ? "it is not a GPT-2"
            : config.ScoreCount is not null ? "it computes scores, not tokens"
            : config.FeedForward != FeedForwardKind.Gelu ? $"its {nameof(config.FeedForward)} is {config.FeedForward}" : null,
    };

    public bool Recognizes(ModelContent content) => false;

    public OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options) =>
        throw new NotSupportedException("ONNX files cannot be read.");
}
