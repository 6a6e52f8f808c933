using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.PyTorch;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;
using MLNet.Gpt.Network;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// A folder written by transformers' <c>save_pretrained</c> (configuration, weights in one file or several, tokenizer),
/// its <c>config.json</c>, or the index of its weights.
/// </summary>
internal sealed class HuggingFaceFormat : IModelFormat
{
    public ModelWriter Writer { get; } = new(ExportFormat.HuggingFace, [], ModelWriter.PlainTypes, HuggingFaceWriter.Write)
    {
        ObstacleOf = config => config.ScoreCount is not null ? "it computes scores; a GptClassifier writes such a folder"
            : config.Family is null ? "no family of transformers has its parts together" : null,
    };

    public bool Recognizes(ModelContent content) => content.Contains(HuggingFaceConstants.ConfigFile) || content.Text.StartsWith("{"u8);

    public OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options)
    {
        string folder = content.Folder;
        bool isConfig = !content.IsFolder && Path.GetFileName(content.Path) == HuggingFaceConstants.ConfigFile;
        if (!content.IsFolder && !isConfig) return Open(folder, content.Path, ShardIndex.Read(content.File), config: null, files, options);

        var (path, index) = WeightsOf(folder);
        return Open(folder, path, index, isConfig ? HuggingFaceConfig.Read(content.File) : null, files, options);
    }

    /// <summary>Opens a model for sequence classification as its decoder without an output head, and its own head.</summary>
    /// <param name="path">The folder, or its configuration.</param>
    /// <param name="files">Receives every file that the model reads from.</param>
    /// <param name="cancellationToken">Cancels opening.</param>
    /// <exception cref="InvalidDataException">It is damaged, or not such a model.</exception>
    public static (OpenedModel Decoder, StoredClassifier Classifier) OpenClassifier(
        string path, OpenFiles files, CancellationToken cancellationToken)
    {
        string folder = Path.GetFileName(path) == HuggingFaceConstants.ConfigFile ? ModelContent.FolderOf(path) : path;
        string configPath = Path.Combine(folder, HuggingFaceConstants.ConfigFile);
        if (!File.Exists(configPath))
        {
            throw Directory.Exists(folder)
                ? new InvalidDataException($"The folder '{folder}' has no {HuggingFaceConstants.ConfigFile}.")
                : new DirectoryNotFoundException($"There is no folder '{folder}'.");
        }

        StoredClassifier? classifier = null;
        var (weights, index) = WeightsOf(folder);
        var config = HuggingFaceConfig.Read(configPath) with { HasTiedHead = true };
        var decoder = Open(folder, weights, index, config, files, new(null, UseStoredHead: false, cancellationToken), tensors =>
        {
            classifier = ClassifierFolder.Read(configPath, config, tensors);
            tensors.Remove(HuggingFaceNames.Of(config, tensors).NameOf(TensorRole.Head)); // of the model that it was trained from
        });
        return (decoder, classifier!);
    }

    // The file of weights, and its contents if it is an index.
    private static (string Path, ShardIndex? Index) WeightsOf(string folder)
    {
        string name = HuggingFaceConstants.WeightFiles.FirstOrDefault(name => File.Exists(Path.Combine(folder, name)))
            ?? throw new InvalidDataException(
                $"The folder '{folder}' contains a {HuggingFaceConstants.ConfigFile}, but none of "
                + $"{string.Join(", ", HuggingFaceConstants.WeightFiles)}.");
        string path = Path.Combine(folder, name);
        if (!name.EndsWith(HuggingFaceConstants.IndexEnding, StringComparison.Ordinal)) return (path, null);
        using var file = PositionedFile.Open(path);
        return (path, ShardIndex.Read(file));
    }

    // The weights are in one file if there is no index; the configuration may have been read already.
    private static OpenedModel Open(
        string folder, string path, ShardIndex? index, GptConfig? config, OpenFiles files, OpenOptions options,
        Action<Dictionary<string, FileTensor>>? take = null)
    {
        config ??= HuggingFaceConfig.Read(Path.Combine(folder, HuggingFaceConstants.ConfigFile));
        bool isSafetensors = false;
        FileTensor[] read = index is null
            ? [.. TensorsOf(path, files, ref isSafetensors)]
            : [.. Shards(index, files, ref isSafetensors)];
        var tensors = TensorNames.Index(read);
        take?.Invoke(tensors);
        var weights = new WeightMap(
            path, config, HuggingFaceNames.Of(config, tensors), tensors, options.UseStoredHead, options.CancellationToken);
        return new($"Hugging Face {(isSafetensors ? "safetensors" : "PyTorch")}", weights, () => TokenizerFiles.Read(folder));
    }

    private static List<FileTensor> Shards(ShardIndex index, OpenFiles files, ref bool isSafetensors)
    {
        var tensors = new List<FileTensor>();
        foreach (string shard in index.Shards)
        {
            tensors.AddRange(index.Check(shard, TensorsOf(Path.Combine(index.Folder, shard), files, ref isSafetensors)));
        }

        return tensors;
    }

    // Either kind of file may have either name.
    private static IEnumerable<FileTensor> TensorsOf(string path, OpenFiles files, ref bool isSafetensors)
    {
        var file = files.Add(PositionedFile.Open(path));
        if (TorchStateDict.Recognizes(file.Read(0, (int)Math.Min(ZipDirectory.MarkSize, file.Length))))
        {
            return TorchStateDict.Open(file).Tensors;
        }

        isSafetensors = true;
        return SafetensorsReader.Open(file).FileTensors();
    }
}
