using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.StateDicts;

/// <summary>
/// Named tensors in one file, safetensors or PyTorch. Determines whose names they are, and the configuration that
/// belongs to them.
/// </summary>
internal static class StateDict
{
    /// <summary>Creates a model from the tensors.</summary>
    /// <param name="path">The file, for messages and to find the files next to it.</param>
    /// <param name="files">Every tensor of the file.</param>
    /// <param name="options">What the caller knows about the model.</param>
    /// <param name="format">The name of the file's format.</param>
    /// <param name="huggingFaceFormat">Its name if there is a Hugging Face configuration next to it.</param>
    public static OpenedModel Open(string path, IEnumerable<FileTensor> files, OpenOptions options, string format, string huggingFaceFormat)
    {
        var tensors = TensorNames.Index(files);
        if (tensors.ContainsKey(OwnNames.Table.NameOf(TensorRole.TokenEmbedding)))
        {
            var config = ShapeInference.Infer(path, OwnNames.Table, tensors, options.HeadCount);
            return new(
                format, new WeightMap(path, config, OwnNames.Table, tensors, cancellationToken: options.CancellationToken), () => null);
        }

        string embedding = HuggingFaceNames.Gpt2.NameOf(TensorRole.TokenEmbedding);
        string otherEmbedding = HuggingFaceNames.Llama.NameOf(TensorRole.TokenEmbedding);
        bool isOther = tensors.ContainsKey(otherEmbedding);
        if (!isOther && !tensors.ContainsKey(embedding))
        {
            throw new InvalidDataException(
                $"'{path}' does not contain a model with known names: it has neither '{WeightNames.TokenEmbedding}' of the book "
                + $"nor '{embedding}' or '{otherEmbedding}' of Hugging Face; {TensorNames.Show(tensors)}.");
        }

        string folder = ModelContent.FolderOf(path), configPath = Path.Combine(folder, HuggingFaceConstants.ConfigFile);
        if (!File.Exists(configPath))
        {
            if (isOther)
            {
                throw new InvalidDataException(
                    $"'{path}' contains only weights, which do not describe a decoder of this kind; put {HuggingFaceConstants.ConfigFile} "
                    + "of the model next to it.");
            }

            var table = HuggingFaceNames.Of(tensors);
            var config = ShapeInference.Infer(path, table, tensors, options.HeadCount);
            return new(format, new WeightMap(path, config, table, tensors, options.UseStoredHead, options.CancellationToken), () => null);
        }

        var described = HuggingFaceConfig.Read(configPath);
        var weights = new WeightMap(
            path, described, HuggingFaceNames.Of(described, tensors), tensors, options.UseStoredHead, options.CancellationToken);
        return new(huggingFaceFormat, weights, () => TokenizerFiles.Read(folder));
    }
}
