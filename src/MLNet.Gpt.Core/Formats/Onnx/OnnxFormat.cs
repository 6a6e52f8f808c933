using MLNet.Gpt.Formats.Importing;

namespace MLNet.Gpt.Formats.Onnx;

/// <summary>ONNX, which can only be written.</summary>
internal sealed class OnnxFormat : IModelFormat
{
    public ModelWriter Writer { get; } = new(
        ExportFormat.Onnx, [".onnx"], [TensorDataType.Float32, TensorDataType.Float16], OnnxWriter.Write)
    {
        Supports = config => config is { IsGpt2: true, FeedForward: FeedForwardKind.Gelu },
    };

    public bool Recognizes(ModelContent content) => false;

    public OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options) =>
        throw new NotSupportedException("ONNX files cannot be read.");
}
