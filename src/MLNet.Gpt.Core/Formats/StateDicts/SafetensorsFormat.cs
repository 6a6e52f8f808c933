using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;

namespace MLNet.Gpt.Formats.StateDicts;

/// <summary>One safetensors file: a checkpoint of this library, or a state dict under the book's or Hugging Face's names.</summary>
internal static class SafetensorsFormat
{
    public static OpenedModel Open(string path, OpenOptions options)
    {
        using var files = new OpenFiles();
        var file = files.Add(SafetensorsReader.Open(path));
        if (GptCheckpoint.IsCheckpoint(file)) return OpenOwn(file, files, "MLNet.Gpt safetensors");
        var weights = StateDict.Open(path, file.FileTensors(), options, out bool hasConfig);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return hasConfig
            ? new("Hugging Face safetensors", weights, () => TokenizerFiles.Read(folder), files.Release())
            : new("safetensors", weights, () => null, files.Release());
    }

    /// <summary>A checkpoint of this library.</summary>
    public static OpenedModel OpenOwn(SafetensorsReader file, OpenFiles files, string format)
    {
        var (config, tokenizer) = GptCheckpoint.ReadMetadata(file);
        return new(format, new WeightMap(file.Path, config, BookLayout.Instance, TensorNames.Index(file.FileTensors())), () => tokenizer, files.Release());
    }
}
