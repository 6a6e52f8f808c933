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
/// checkpoint.
/// </summary>
internal static partial class TensorFlowFormat
{
    private const string StateName = "checkpoint";
    private const string Prefix = "model/";
    private const int LongestState = 1 << 16;

    /// <summary>Whether a folder is one of these.</summary>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, GptHyperparameters.FileName));

    /// <summary>Opens the checkpoint that the folder's file <c>checkpoint</c> names, as TensorFlow itself does.</summary>
    public static OpenedModel OpenFolder(string folder)
    {
        string statePath = Path.Combine(folder, StateName);
        string state = Encoding.UTF8.GetString(JsonFile.WithoutMark(PositionedFile.ReadAll(statePath, LongestState)).Span);
        var latest = LatestCheckpoint().Match(state);
        if (!latest.Success) throw new InvalidDataException($"'{statePath}' names no checkpoint.");

        // Elsewhere than where it was written, a checkpoint lies beside this file.
        string name = latest.Groups[1].Value;
        return Open(Path.Combine(folder, name[(name.LastIndexOfAny(['/', '\\']) + 1)..] + ".index"));
    }

    /// <summary>Opens a checkpoint by its index.</summary>
    public static OpenedModel Open(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var config = GptHyperparameters.Read(Path.Combine(folder, GptHyperparameters.FileName));
        using var files = new OpenFiles();
        var tensors = new Dictionary<string, FileTensor>(StringComparer.Ordinal);
        foreach (var tensor in TensorFlowReader.Open(path, files))
        {
            string name = tensor.Name.StartsWith(Prefix, StringComparison.Ordinal) ? tensor.Name[Prefix.Length..] : tensor.Name;
            if (IsOptimizerState(tensor.Name)) continue;
            if (!tensors.TryAdd(name, WithoutBatch(tensor))) throw new InvalidDataException($"'{path}' holds '{tensor.Name}' twice, with and without a prefix.");
        }

        var weights = new WeightMap(path, config, FusedLayout.OpenAI, tensors);
        return new("TensorFlow checkpoint", weights, () => TokenizerFiles.Read(folder), files.Release());
    }

    // The release keeps matrices as convolutions of width 1, with that width in front.
    private static FileTensor WithoutBatch(FileTensor tensor) => tensor.Shape is [1, var inputs, var outputs] ? tensor with { Shape = [inputs, outputs] } : tensor;

    private static bool IsOptimizerState(string name) =>
        name is "global_step" or "beta1_power" or "beta2_power" || name.EndsWith("/Adam", StringComparison.Ordinal) || name.EndsWith("/Adam_1", StringComparison.Ordinal);

    [GeneratedRegex("^model_checkpoint_path:[ \t]*\"([^\"\\\\\\x00-\\x1F]+)\"", RegexOptions.CultureInvariant | RegexOptions.Multiline)]
    private static partial Regex LatestCheckpoint();
}

/// <summary>The <c>hparams.json</c> of OpenAI's release.</summary>
internal static class GptHyperparameters
{
    public const string FileName = "hparams.json";
    private const int SizeLimit = 1 << 20;

    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static GptConfig Read(string path)
    {
        var (vocabulary, context, width, heads, layers) = JsonFile.Read(
            path, SizeLimit, root => (root.Integer("n_vocab"), root.Integer("n_ctx"), root.Integer("n_embd"), root.Integer("n_head"), root.Integer("n_layer")));
        return Configurations.Validated(path, () => new GptConfig
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
}
