using System.Text.Json;
using MLNet.Gpt.Formats;

namespace MLNet.Gpt.Tests.Evaluation.Tasks;

/// <summary>
/// Compares verdicts with those of <c>llama-perplexity</c> on the same files and the same exported GGUF; see
/// <c>Fixtures/Tasks/README.md</c>.
/// </summary>
public sealed class LlamaCppTaskTests(LlamaCppTaskTests.ExportedModel exported) : IClassFixture<LlamaCppTaskTests.ExportedModel>
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "Tasks");

    private static readonly JsonElement LlamaCpp = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "llama-cpp.json"))).RootElement;

    [Theory]
    [InlineData("hellaswag", "llama-hellaswag.txt", TaskLayout.LlamaCppHellaSwag)]
    [InlineData("winogrande", "llama-winogrande.csv", TaskLayout.LlamaCppWinogrande)]
    [InlineData("multipleChoice", "llama-multiple-choice.bin", TaskLayout.LlamaCppMultipleChoice)]
    public void Each_question_has_llama_cpp_s_verdict(string name, string file, TaskLayout layout)
    {
        string expected = LlamaCpp.GetProperty(name).GetString()!;
        string path = Path.Combine(Folder, file);
        Assert.Equal(layout, TaskFile.DetectLayout(path));
        var results = Evaluate(path);

        // llama-perplexity leaves out the last line of a file of Winogrande.
        Assert.InRange(expected.Length, 200, results.Count);
        string verdicts = string.Concat(results.Take(expected.Length)
            .Select(result => result.IsRightBy(TaskNormalization.Tokens) == true ? '1' : '0'));
        Assert.Equal(expected, verdicts);
    }

    [Fact]
    public void Scores_of_Winogrande_are_llama_cpp_s()
    {
        var results = Evaluate(Path.Combine(Folder, "llama-winogrande.csv"));
        foreach (var (result, scores) in results.Zip(LlamaCpp.GetProperty("winograndeScores").EnumerateArray()))
        {
            // Keys and values are in half precision there.
            for (int i = 0; i < 2; i++) Assert.Equal(scores[i].GetDouble(), result.Choices[i].Normalized(TaskNormalization.Tokens), 2e-4);
        }
    }

    private IReadOnlyList<TaskResult> Evaluate(string path) =>
        new TaskEvaluator(exported.Model, new() { Convention = TaskConvention.LlamaCpp }).Evaluate(TaskFile.Read(path)).Results;

    /// <summary>The model that <c>llama-perplexity</c> was given, exported and read back.</summary>
    public sealed class ExportedModel : IDisposable
    {
        private readonly TemporaryDirectory _folder = new();

        public ExportedModel()
        {
            string path = Path.Combine(_folder.Path, "model.gguf");
            var config = GptPresets.Tiny with
            {
                VocabularySize = Gpt2Tokenizer.Instance.VocabularySize, ContextLength = 256, HasTiedHead = false,
            };
            GptModelExporter.Export(path, WeightInitializer.Create(config, 7), Gpt2Tokenizer.Instance);
            Model = GptModel.Load(path);
        }

        public GptModel Model { get; }

        public void Dispose()
        {
            Model.Dispose();
            _folder.Dispose();
        }
    }
}
