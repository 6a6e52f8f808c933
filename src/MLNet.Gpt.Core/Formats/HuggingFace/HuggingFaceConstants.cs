using System.Globalization;
using System.Text.RegularExpressions;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>The names of the files in a folder written by transformers' <c>save_pretrained</c>.</summary>
internal static partial class HuggingFaceConstants
{
    public const string ConfigFile = "config.json";
    public const string GenerationConfigFile = "generation_config.json";
    public const string WholeTokenizerFile = "tokenizer.json";
    public const string TokenizerConfigFile = "tokenizer_config.json";
    public const string ChatTemplateFile = "chat_template.jinja";
    public const string SpecialTokensFile = "special_tokens_map.json";
    public const string AddedTokensFile = "added_tokens.json";
    public const string VocabularyFile = "vocab.json";
    public const string MergesFile = "merges.txt";
    public const string WeightsFile = "model.safetensors";

    /// <summary>The ending of the name of an index of weights in several files.</summary>
    public const string IndexEnding = ".index.json";

    /// <summary>The files with the weights or their index, in the order in which transformers looks for them.</summary>
    public static IReadOnlyList<string> WeightFiles { get; } =
        [WeightsFile, WeightsFile + IndexEnding, "pytorch_model.bin", "pytorch_model.bin" + IndexEnding];

    /// <summary>The files of a tokenizer except those of its vocabulary.</summary>
    public static IReadOnlyList<string> TokenizerSettingsFiles { get; } =
        [TokenizerConfigFile, SpecialTokensFile, AddedTokensFile, ConfigFile, GenerationConfigFile];

    /// <summary>Returns the name of one of several weight files.</summary>
    public static string ShardName(int index, int count) =>
        string.Create(CultureInfo.InvariantCulture, $"model-{index + 1:D5}-of-{count:D5}.safetensors");

    /// <summary>
    /// Returns whether a file with this name may be deleted with a folder that an export replaces:
    /// <c>save_pretrained</c> uses the name as well, so it belongs to an older export or to a model written by
    /// transformers.
    /// </summary>
    public static bool IsReplaceable(string name) =>
        name is ConfigFile or GenerationConfigFile or WholeTokenizerFile or TokenizerConfigFile or SpecialTokensFile or AddedTokensFile
            or ChatTemplateFile or VocabularyFile or MergesFile or WeightsFile or WeightsFile + IndexEnding
        || Shard().IsMatch(name);

    [GeneratedRegex(@"^model-\d{5}-of-\d{5}\.safetensors$", RegexOptions.CultureInvariant)]
    private static partial Regex Shard();
}
