using System.Globalization;
using System.Text.RegularExpressions;
using MLNet.Gpt.Formats;

namespace MLNet.Gpt.Tests.Evaluation;

/// <summary>
/// Compares with what <c>llama-perplexity --kl-divergence</c> printed; Fixtures/README.md says how. The models are a Llama with weights
/// from a seed, and the same with its weights rounded to Q8_0 or to sixteenths, all in single precision: with a quantized file,
/// llama.cpp would also round activations, in another way than this library, and GPT-2's GELU is a table of 16-bit numbers there.
/// </summary>
public sealed partial class LlamaPerplexityTests : IDisposable
{
    private const int ChunkLength = 64; // -c

    /// <summary>Names a folder to write the models and the text to.</summary>
    private const string KeepVariable = "MLNETGPT_DIVERGENCE_FOLDER";

    private readonly TemporaryDirectory _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("q8_0", 2e-6)]
    [InlineData("rough", 1e-4)]
    public void Figures_are_those_of_llama_perplexity(string name, double tolerance)
    {
        string folder = Environment.GetEnvironmentVariable(KeepVariable) ?? _folder.Path;
        var (text, tokenizer) = Write(folder);
        using var reference = GptModel.Load(Path.Combine(folder, "base.gguf"), cancellationToken: Cancellation);
        using var model = GptModel.Load(Path.Combine(folder, $"{name}.gguf"), cancellationToken: Cancellation);

        // llama.cpp scores the second half of each whole chunk of tokens.
        int[] ids = tokenizer.Encode(text);
        var inputs = new List<int[]>();
        var targets = new List<int[]>();
        for (int start = 0; start + ChunkLength <= ids.Length; start += ChunkLength)
        {
            inputs.Add(ids[start..(start + ChunkLength - 1)]);
            targets.Add([.. ids[(start + 1)..(start + ChunkLength)].Select((id, i) => i < ChunkLength / 2 ? -1 : id)]);
        }

        var ours = new DivergenceEvaluator(reference, model).EvaluateBatch(inputs, targets, Cancellation);
        string printed = File.ReadAllText(
            Path.Combine(Repository.Root, "tests", "Unit", "Evaluation", "Divergence", "Fixtures", $"{name}.txt"));
        var theirs = Figure().Matches(printed).ToDictionary(
            match => Spaces().Replace(match.Groups["name"].Value.Trim(), " "),
            match => (Value: Parse(match.Groups["value"].Value), Error: Parse(match.Groups["error"].Value)));

        Assert.Equal(inputs.Count, Chunks().Count(printed));
        var failures = new List<string>();
        Near("Mean PPL(Q)", ours.Model.Perplexity, 1e-5 * ours.Model.Perplexity);
        Near("Mean PPL(base)", ours.Reference.Perplexity, 1e-5 * ours.Reference.Perplexity); // the base file has 16 bits per logit
        Near("Cor(ln(PPL(Q)), ln(PPL(base)))", 100 * ours.Correlation, 0.006);
        Near("Mean ln(PPL(Q)/PPL(base))", ours.LossDifference.Value, 1e-5, ours.LossDifference.StandardError);
        Near("Mean PPL(Q)/PPL(base)", ours.PerplexityRatio.Value, 1e-5, ours.PerplexityRatio.StandardError);
        Near("Mean KLD", ours.Mean.Value, tolerance, ours.Mean.StandardError);
        Near("Maximum KLD", ours.Maximum, 10 * tolerance);
        Near("Median KLD", ours.Median, tolerance);
        Near("Minimum KLD", ours.Minimum, 10 * tolerance); // of one token: the base file rounds its logits
        foreach (string percent in (string[])["99.9", "99.0", "95.0", "90.0", "10.0", "5.0", "1.0", "0.1"])
        {
            double fraction = Parse(percent) / 100, quantile = ours.Quantile(fraction);
            Near($"{percent}% KLD", quantile, (10 * tolerance) + (quantile / (1 << 13)));
            double change = 100 * ours.ProbabilityChangeQuantile(fraction);
            Near($"{percent}% Δp", change, 0.006 + (Math.Abs(change) / (1 << 13)));
        }

        Near("Mean Δp", 100 * ours.ProbabilityChange.Value, 0.002, 100 * ours.ProbabilityChange.StandardError);
        Near("Maximum Δp", 100 * ours.ProbabilityChangeQuantile(1), 0.006);
        Near("Minimum Δp", 100 * ours.ProbabilityChangeQuantile(0), 0.006);
        Near("RMS Δp", 100 * ours.RootMeanSquareChange.Value, 0.002, 100 * ours.RootMeanSquareChange.StandardError);
        Near("Same top p", 100 * ours.SameTop.Value, 0.0006, 100 * ours.SameTop.StandardError);
        Assert.Empty(failures);

        void Near(string figure, double value, double within, double? error = null)
        {
            Assert.True(theirs.TryGetValue(figure, out var expected), $"'{figure}' is not among {string.Join(", ", theirs.Keys)}.");
            var (their, theirError) = expected;
            bool isNear = Math.Abs(value - their) <= within && (error is null || Math.Abs(error.Value - theirError) <= within);
            if (!isNear) failures.Add(FormattableString.Invariant($"{figure}: {value} ± {error}, not {their} ± {theirError}"));
        }
    }

    // The base, and two files in single precision with other weights.
    private static (string Text, ITextTokenizer Tokenizer) Write(string folder)
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, "samples", "Data", "moby-dick.txt")).ReplaceLineEndings("\n")[..9000];
        var tokenizer = BytePairTrainer.FromTexts([text], 400, cancellationToken: Cancellation);
        var config = GptPresets.TinyLlama with
        {
            VocabularySize = tokenizer.VocabularySize, ContextLength = 128, EmbeddingWidth = 64, FeedForwardWidth = 128,
        };
        var weights = TinyModels.Weights(config, seed: 11);
        string q8 = Path.Combine(folder, "blocks.gguf");
        File.WriteAllText(Path.Combine(folder, "text.txt"), text);
        Export("base.gguf", weights, TensorDataType.Float32);
        Export("blocks.gguf", weights, TensorDataType.Q8_0);
        using (var rounded = GptModelFile.Open(q8)) Export("q8_0.gguf", rounded, TensorDataType.Float32);
        var rough = new GptWeights(config, WeightNames.For(config).ToDictionary(
            entry => entry.Name,
            entry => weights[entry.Name].ToArray().Select(weight => MathF.Round(weight * 16) / 16).ToArray()));
        Export("rough.gguf", rough, TensorDataType.Float32);
        return (text, tokenizer);

        void Export(string name, IWeightSource source, TensorDataType type) => GptModelExporter.Export(
            Path.Combine(folder, name), source, tokenizer, new() { DataType = type }, cancellationToken: Cancellation);
    }

    private static double Parse(string number) =>
        number.Length == 0 ? double.NaN : double.Parse(number, NumberStyles.Float, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<name>[^:\n]+?)\s*:\s*(?<value>-?[\d.]+) *%?( *± *(?<error>[\d.]+))?", RegexOptions.Multiline)]
    private static partial Regex Figure();

    [GeneratedRegex(@" +")]
    private static partial Regex Spaces();

    [GeneratedRegex(@"^ *\d+ +[\d.]+ ± ", RegexOptions.Multiline)]
    private static partial Regex Chunks();
}
