using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Formats.Exporting;

/// <summary>What the formats are called by in files and messages, and what they can hold.</summary>
internal static class ExportFormats
{
    /// <summary>The format of a path's extension; without a known one, a folder.</summary>
    public static ExportFormat FromPath(string path) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".SAFETENSORS" => ExportFormat.Checkpoint,
        ".PTH" or ".PT" => ExportFormat.PyTorch,
        ".GGUF" => ExportFormat.Gguf,
        ".ONNX" => ExportFormat.Onnx,
        _ => ExportFormat.HuggingFace,
    };

    /// <summary>The data types that weights can have in a format.</summary>
    public static IReadOnlyList<ExportDataType> DataTypes(this ExportFormat format) => format switch
    {
        ExportFormat.Checkpoint or ExportFormat.HuggingFace or ExportFormat.PyTorch => [ExportDataType.Float32, ExportDataType.Float16, ExportDataType.BFloat16],
        ExportFormat.Gguf => [ExportDataType.Float32, ExportDataType.Float16, ExportDataType.BFloat16, ExportDataType.Q8_0],
        ExportFormat.Onnx => [ExportDataType.Float32, ExportDataType.Float16],
        _ => throw Check.Undefined(format, nameof(format)),
    };
}
