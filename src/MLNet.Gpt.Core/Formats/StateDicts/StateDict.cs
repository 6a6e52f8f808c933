using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.StateDicts;

/// <summary>
/// Named tensors in one file, safetensors or PyTorch: finds out whose names they are, and the configuration that goes
/// with them.
/// </summary>
internal static class StateDict
{
    /// <summary>Makes a model of the tensors.</summary>
    /// <param name="path">The file, for messages and for what stands beside it.</param>
    /// <param name="files">Every tensor of the file.</param>
    /// <param name="options">What the caller knows of the model.</param>
    /// <param name="format">What the file's format is called.</param>
    /// <param name="huggingFaceFormat">What it is called where a Hugging Face configuration stands beside it.</param>
    public static OpenedModel Open(string path, IEnumerable<FileTensor> files, OpenOptions options, string format, string huggingFaceFormat)
    {
        var tensors = TensorNames.Index(files);
        if (tensors.ContainsKey(OwnNames.Gpt2.NameOf(TensorRole.TokenEmbedding)))
        {
            var config = ShapeInference.Infer(path, OwnNames.Gpt2, tensors, options.HeadCount);
            return new(
                format, new WeightMap(path, config, OwnNames.Gpt2, tensors, cancellationToken: options.CancellationToken), () => null);
        }

        string embedding = HuggingFaceNames.Gpt2.NameOf(TensorRole.TokenEmbedding);
        if (!tensors.ContainsKey(embedding))
        {
            throw new InvalidDataException(
                $"'{path}' holds no GPT-2 under names known here: neither '{WeightNames.TokenEmbedding}' of the book "
                + $"nor '{embedding}' of Hugging Face is there; {TensorNames.Show(tensors)}.");
        }

        var table = HuggingFaceNames.Of(tensors);
        string folder = ModelContent.FolderOf(path), configPath = Path.Combine(folder, HuggingFaceConstants.ConfigFile);
        if (!File.Exists(configPath))
        {
            var config = ShapeInference.Infer(path, table, tensors, options.HeadCount);
            return new(format, new WeightMap(path, config, table, tensors, options.UseStoredHead, options.CancellationToken), () => null);
        }

        var weights = new WeightMap(
            path, HuggingFaceConfig.Read(configPath), table, tensors, options.UseStoredHead, options.CancellationToken);
        return new(huggingFaceFormat, weights, () => TokenizerFiles.Read(folder));
    }
}
