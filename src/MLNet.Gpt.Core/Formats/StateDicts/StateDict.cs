using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.StateDicts;

/// <summary>
/// Named tensors, in safetensors or in PyTorch's own format: whose names they are, and the configuration that goes with
/// them.
/// </summary>
internal static class StateDict
{
    /// <summary>Puts the tensors in their places.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="files">Every tensor of it.</param>
    /// <param name="options">What the caller tells of the model.</param>
    /// <param name="hasConfig">Whether a Hugging Face configuration stood beside the file and was used.</param>
    public static WeightMap Open(string path, IEnumerable<FileTensor> files, OpenOptions options, out bool hasConfig)
    {
        var tensors = TensorNames.Index(files);
        hasConfig = false;
        if (tensors.ContainsKey(WeightNames.TokenEmbedding))
        {
            return new(path, ShapeInference.Infer(path, BookLayout.Instance, tensors, options.HeadCount), BookLayout.Instance, tensors);
        }

        if (!tensors.ContainsKey(FusedLayout.HuggingFace.TokenEmbedding))
        {
            throw new InvalidDataException(
                $"'{path}' holds no GPT-2 under names known here: neither '{WeightNames.TokenEmbedding}' of the book nor '{FusedLayout.HuggingFace.TokenEmbedding}' of Hugging Face is there; {TensorNames.Show(tensors)}.");
        }

        var layout = LayoutOf(tensors);
        string configPath = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, HuggingFaceConfig.FileName);
        hasConfig = File.Exists(configPath);
        var config = hasConfig ? HuggingFaceConfig.Read(configPath) : ShapeInference.Infer(path, layout, tensors, options.HeadCount);
        return new(path, config, layout, tensors, options.UseStoredHead);
    }

    /// <summary>Puts tensors under Hugging Face's names in their places.</summary>
    public static WeightMap Open(string path, IEnumerable<FileTensor> files, GptConfig config, OpenOptions options)
    {
        var tensors = TensorNames.Index(files);
        return new(path, config, LayoutOf(tensors), tensors, options.UseStoredHead);
    }

    // Of the fused matrix alone the shape tells which way round it lies.
    private static FusedLayout LayoutOf(Dictionary<string, FileTensor> tensors) =>
        tensors.TryGetValue(FusedLayout.HuggingFace.Query(0), out var fused) && fused.Shape is [var first, var second] && first == 3 * second
            ? FusedLayout.NanoGpt
            : FusedLayout.HuggingFace;
}
