using System.Security.Cryptography;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Formats.Exporting;

/// <summary>One of two models in every format, and what distinguishes them.</summary>
internal static class ExportPlaces
{
    public const string FolderVariable = "MLNET_GPT_TEST_EXPORT_FOLDER";

    // Large enough that writing takes longer than everything else.
    private static readonly GptConfig Config = GptPresets.Tiny with { VocabularySize = 5000 };
    private static readonly ExportOptions Options = new() { IncludeKeyValueCache = false };
    private static readonly ExportOptions Split = Options with { InlineWeightLimit = 0 };
    private static readonly GptWeights[] Weights = [RandomWeights.Of(Config, seed: 1), RandomWeights.Of(Config, seed: 2)];

    public static IReadOnlyList<string> Names { get; } = ["m.safetensors", "m", "m.pth", "m.gguf", "m.onnx", "split.onnx"];

    public static void Export(string folder, int seed)
    {
        foreach (string name in Names)
        {
            GptModelExporter.Export(Path.Combine(folder, name), Weights[seed - 1], tokenizer: null, name == "split.onnx" ? Split : Options);
        }
    }

    /// <summary>
    /// Returns a text that identifies the model at a path: a hash of all bytes or, for a model in two files, whose
    /// names may differ, what it computes.
    /// </summary>
    public static string Fingerprint(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        if (name == "split.onnx")
        {
            using var session = new InferenceSession(path);
            using var outputs = session.Run(
                [NamedOnnxValue.CreateFromTensor("input_ids", new DenseTensor<long>(new long[] { 5, 4999, 17 }, [1, 3]))]);
            return string.Join(
                ' ', outputs[0].AsTensor<float>().Select(logit => logit.ToString("F3", System.Globalization.CultureInfo.InvariantCulture)));
        }

        IEnumerable<string> files = Directory.Exists(path) ? Directory.EnumerateFiles(path).Order(StringComparer.Ordinal) : [path];
        return string.Join(
            '\n', files.Select(file => $"{Path.GetFileName(file)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))}"));
    }
}
