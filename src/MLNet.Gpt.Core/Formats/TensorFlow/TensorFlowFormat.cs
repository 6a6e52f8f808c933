using System.Text;
using System.Text.RegularExpressions;
using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.TensorFlow;

/// <summary>
/// A folder of OpenAI's release of GPT-2: <c>hparams.json</c>, <c>encoder.json</c>, <c>vocab.bpe</c> and a TensorFlow
/// checkpoint; or its <c>hparams.json</c>, the file <c>checkpoint</c> or the index of a checkpoint.
/// </summary>
internal sealed partial class TensorFlowFormat : IModelFormat
{
    private const int LongestState = 1 << 16;
    private const int LongestHyperparameters = 1 << 20;

    public bool Recognizes(ModelContent content) => content.Contains(TensorFlowConstants.HyperparametersFile)
        || SortedTable.Ends(content.End) || content.Text.StartsWith(TensorFlowConstants.StateStart) || IsHyperparameters(content);

    public OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options)
    {
        if (SortedTable.Ends(content.End)) return Open(content.File, config: null, files, options);

        // The state file names the checkpoint that TensorFlow itself would open. If the files were moved, the
        // checkpoint is next to this file.
        var config = IsHyperparameters(content) ? ReadHyperparameters(content.File) : null;
        using var file = content.IsFolder || config is not null 
            ? PositionedFile.Open(Path.Combine(content.Folder, TensorFlowConstants.StateFile))
            : null;
        var state = file ?? content.File;
        var latest = LatestCheckpoint().Match(Encoding.UTF8.GetString(JsonFile.WithoutMark(state.ReadAll(LongestState)).Span));
        if (!latest.Success) throw new InvalidDataException($"'{state.Path}' does not name a checkpoint.");
        string name = latest.Groups[1].Value;
        string indexName = name[(name.LastIndexOfAny(['/', '\\']) + 1)..] + TensorFlowConstants.IndexEnding;
        using var index = PositionedFile.Open(Path.Combine(content.Folder, indexName));
        return Open(index, config, files, options);
    }

    private static OpenedModel Open(PositionedFile index, GptConfig? config, OpenFiles files, OpenOptions options)
    {
        string folder = ModelContent.FolderOf(index.Path);
        if (config is null)
        {
            using var file = PositionedFile.Open(Path.Combine(folder, TensorFlowConstants.HyperparametersFile));
            config = ReadHyperparameters(file);
        }

        var table = TensorFlowNames.Gpt2;
        var tensors = new Dictionary<string, FileTensor>(StringComparer.Ordinal);
        foreach (var tensor in TensorFlowReader.Read(index, files))
        {
            if (IsOptimizerState(tensor.Name)) continue;
            string name = tensor.Name.StartsWith(table.Prefix, StringComparison.Ordinal) ? tensor.Name[table.Prefix.Length..] : tensor.Name;
            if (!tensors.TryAdd(name, WithoutBatch(tensor)))
            {
                throw new InvalidDataException($"'{index.Path}' contains '{tensor.Name}' twice, with and without a prefix.");
            }
        }

        var weights = new WeightMap(index.Path, config, table, tensors, cancellationToken: options.CancellationToken);
        return new("TensorFlow checkpoint", weights, () => TokenizerFiles.Read(folder));
    }

    private static GptConfig ReadHyperparameters(PositionedFile file)
    {
        var (vocabulary, context, width, heads, layers) = JsonFile.Read(
            file,
            LongestHyperparameters,
            root =>
                (root.Integer("n_vocab"), root.Integer("n_ctx"), root.Integer("n_embd"), root.Integer("n_head"), root.Integer("n_layer")));
        return Configurations.Validated(file.Path, () => new GptConfig
        {
            VocabularySize = vocabulary,
            ContextLength = context,
            EmbeddingWidth = width,
            HeadCount = heads,
            LayerCount = layers,
            HasQkvBias = true,
            HasTiedHead = true,
        });
    }

    private static bool IsHyperparameters(ModelContent content) =>
        content.Text.StartsWith("{"u8) && Path.GetFileName(content.Path) == TensorFlowConstants.HyperparametersFile;

    // The release stores matrices as convolutions of width 1, with that width as the first dimension.
    private static FileTensor WithoutBatch(FileTensor tensor) =>
        tensor.Shape is [1, var inputs, var outputs] ? tensor with { Shape = [inputs, outputs] } : tensor;

    private static bool IsOptimizerState(string name) => name is "global_step" or "beta1_power" or "beta2_power"
        || name.EndsWith("/Adam", StringComparison.Ordinal) || name.EndsWith("/Adam_1", StringComparison.Ordinal);

    [GeneratedRegex("^model_checkpoint_path:[ \t]*\"([^\"\\\\\\x00-\\x1F]+)\"", RegexOptions.CultureInvariant | RegexOptions.Multiline)]
    private static partial Regex LatestCheckpoint();
}
