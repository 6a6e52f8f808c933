
namespace MLNet.Gpt;

/// <summary>What a model in a file is made of; see <see cref="GptModelFile.Inspect"/>.</summary>
/// <param name="Path">The file or folder.</param>
/// <param name="Format">
/// The format and who writes it, such as <c>Hugging Face safetensors</c> or <c>GGUF v3</c>.
/// </param>
/// <param name="DataType">
/// How the weights are stored: <c>F32</c>, <c>F16</c>, <c>BF16</c>, <c>Q8_0</c>, or several joined by <c>+</c>, the one
/// of most bytes first.
/// </param>
/// <param name="Config">Sizes and switches.</param>
/// <param name="Parts">Parameters and bytes by part; together the whole model.</param>
public sealed record GptModelFileInfo(string Path, string Format, string DataType, GptConfig Config, IReadOnlyList<GptModelPart> Parts)
{
    /// <summary>Trainable parameters; those of a tied head count once.</summary>
    public long ParameterCount => Config.ParameterCount;

    /// <summary>Bytes of the weights in the file.</summary>
    public long Bytes => Parts.Sum(part => part.Bytes);
}
