using MLNet.Gpt.Checkpoints.HuggingFace;

namespace MLNet.Gpt.Checkpoints.Importing;

/// <summary>One safetensors file: a checkpoint of this library, or a state dict under the book's or Hugging Face's names.</summary>
internal static class SafetensorsModel
{
    public static OpenedModel Open(string path, int? headCount)
    {
        using var files = new OpenFiles();
        var file = files.Add(SafetensorsFile.Open(path));
        if (GptCheckpoint.IsCheckpoint(file))
        {
            var (config, tokenizer) = GptCheckpoint.ReadMetadata(file);
            var own = new WeightMap(path, config, BookLayout.Instance, TensorNames.Index(file.FileTensors()));
            return new("MLNet.Gpt safetensors", own, () => tokenizer, files.Release());
        }

        var weights = StateDict.Open(path, file.FileTensors(), headCount, out bool hasConfig);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return hasConfig
            ? new("Hugging Face safetensors", weights, () => TokenizerFiles.Read(folder), files.Release())
            : new("safetensors", weights, () => null, files.Release());
    }
}
