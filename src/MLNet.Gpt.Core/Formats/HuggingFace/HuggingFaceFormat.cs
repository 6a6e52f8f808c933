using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.StateDicts;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>A folder as transformers' <c>save_pretrained</c> writes it: configuration, weights in one file or several, tokenizer.</summary>
internal static class HuggingFaceFormat
{
    private const string IndexEnding = ".index.json";

    // In the order in which transformers looks for them.
    private static readonly string[] WeightFiles = ["model.safetensors", "model.safetensors" + IndexEnding, "pytorch_model.bin", "pytorch_model.bin" + IndexEnding];

    /// <summary>Whether a folder is one of these.</summary>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, HuggingFaceConfig.FileName));

    public static OpenedModel OpenFolder(string folder, OpenOptions options)
    {
        string name = WeightFiles.FirstOrDefault(name => File.Exists(Path.Combine(folder, name)))
            ?? throw new InvalidDataException($"The folder '{folder}' holds a {HuggingFaceConfig.FileName}, but none of {string.Join(", ", WeightFiles)}.");
        string path = Path.Combine(folder, name);
        return name.EndsWith(IndexEnding, StringComparison.Ordinal) ? OpenIndex(path, options) : Open(path, options, files => TensorsOf(path, files));
    }

    /// <summary>Opens a model by the index of the files that its weights are spread over.</summary>
    public static OpenedModel OpenIndex(string path, OpenOptions options) => Open(path, options, files =>
    {
        var index = ShardIndex.Read(path);
        return index.Shards.SelectMany(shard => index.Check(shard, TensorsOf(Path.Combine(Path.GetDirectoryName(path)!, shard), files)));
    });

    private static OpenedModel Open(string path, OpenOptions options, Func<OpenFiles, IEnumerable<FileTensor>> tensorsOf)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var config = HuggingFaceConfig.Read(Path.Combine(folder, HuggingFaceConfig.FileName));
        using var files = new OpenFiles();
        FileTensor[] tensors = [.. tensorsOf(files)];
        var weights = StateDict.Open(path, tensors, config, options);
        string kind = files.Contains<SafetensorsReader>() ? "safetensors" : "PyTorch";
        return new($"Hugging Face {kind}", weights, () => TokenizerFiles.Read(folder), files.Release());
    }

    private static IEnumerable<FileTensor> TensorsOf(string path, OpenFiles files) =>
        PyTorchFormat.Begins(path) ? PyTorchFormat.OpenStateDict(path, files).Tensors : files.Add(SafetensorsReader.Open(path)).FileTensors();
}
