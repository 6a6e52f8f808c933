using System.Diagnostics;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>A description of a model in a file; see <see cref="GptModelFile.Inspect"/>.</summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class GptModelFileInfo
{
    internal GptModelFileInfo(string path, string format, string dataType, GptConfig config, IReadOnlyList<GptModelPart> parts)
    {
        Path = path;
        Format = format;
        DataType = dataType;
        Config = config;
        Parts = parts;
    }

    /// <summary>The file or folder.</summary>
    public string Path { get; }

    /// <summary>The format and who writes it, such as <c>Hugging Face safetensors</c> or <c>GGUF v3</c>.</summary>
    public string Format { get; }

    /// <summary>
    /// How the weights are stored: <c>F32</c>, <c>F16</c>, <c>BF16</c>, <c>F64</c>, <c>Q8_0</c>, or several joined by
    /// <c>+</c>, the one with the most bytes first.
    /// </summary>
    public string DataType { get; }

    /// <summary>Sizes and switches.</summary>
    public GptConfig Config { get; }

    /// <summary>Parameters and bytes by part; together the whole model.</summary>
    public IReadOnlyList<GptModelPart> Parts { get; }

    /// <summary>Trainable parameters; those of a tied head count once.</summary>
    public long ParameterCount => Config.ParameterCount;

    /// <summary>Bytes of the weights in the file.</summary>
    public long Bytes => Parts.Sum(part => part.Bytes);

    /// <summary>Returns the path, the format, the data type, and the numbers of parameters and bytes.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Path}: {Format}, {DataType}, {ParameterCount:N0} parameters, {Quantity.Of(Bytes, "byte", "N0")}");
}
