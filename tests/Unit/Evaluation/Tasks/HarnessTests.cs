using System.Text.Json;

namespace MLNet.Gpt.Tests.Evaluation.Tasks;

/// <summary>
/// Compares questions and metrics with what lm-evaluation-harness makes of the same files; see <c>Fixtures/Tasks/README.md</c>.
/// </summary>
public sealed class HarnessTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "Tasks");

    private static readonly JsonDocument Harness = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "harness.json")));

    public static TheoryData<string, TaskLayout> Files => new()
    {
        { "hellaswag", TaskLayout.HellaSwag }, { "arc", TaskLayout.Arc }, { "piqa", TaskLayout.Piqa },
        { "winogrande", TaskLayout.Winogrande }, { "lambada", TaskLayout.Lambada }, { "blimp", TaskLayout.Blimp },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Published_layouts_give_the_harness_s_pairs_and_answers(string name, TaskLayout layout)
    {
        var questions = Read(name, layout);
        var expected = Harness.RootElement.GetProperty(name).GetProperty("questions");

        Assert.Equal(expected.GetArrayLength(), questions.Count);
        foreach (var (question, wanted) in questions.Zip(expected.EnumerateArray()))
        {
            Assert.Equal(
                wanted.GetProperty("pairs").EnumerateArray().Select(pair => (pair[0].GetString()!, pair[1].GetString()!)),
                question.Choices.Select(choice => (choice.Context, choice.Continuation)));
            Assert.Equal(wanted.GetProperty("gold").GetInt32(), question.Answer);
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Pairs_are_divided_into_the_harness_s_tokens(string name, TaskLayout layout)
    {
        using var model = GptModel.FromWeights(TinyModels.Weights(Config, seed: 1), Gpt2Tokenizer.Instance);
        var scorer = new ContinuationScorer(model);
        var expected = Harness.RootElement.GetProperty(name).GetProperty("questions");
        foreach (var (question, wanted) in Read(name, layout).Zip(expected.EnumerateArray()))
        {
            foreach (var (choice, ids) in question.Choices.Zip(wanted.GetProperty("ids").EnumerateArray()))
            {
                var (context, continuation) = scorer.Encode(choice.Context, choice.Continuation);
                Assert.Equal(Ids(ids[0]), context);
                Assert.Equal(Ids(ids[1]), continuation);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Metrics_are_the_harness_s(string name, TaskLayout layout)
    {
        var task = Harness.RootElement.GetProperty(name);
        var metrics = TaskMetrics.Merge(Read(name, layout).Zip(task.GetProperty("questions").EnumerateArray()).Select((pair, i) =>
        {
            double[] logLikelihoods = [.. pair.Second.GetProperty("logLikelihoods").EnumerateArray().Select(each => each.GetDouble())];
            bool[] areGreedy = [.. pair.Second.GetProperty("areGreedy").EnumerateArray().Select(each => each.GetBoolean())];
            return TaskMetrics.Of(ResultOf(i, pair.First, logLikelihoods, areGreedy));
        }));

        Assert.Equal(40, metrics.AnsweredCount);
        foreach (var metric in task.GetProperty("metrics").EnumerateObject())
        {
            var figure = metric.Name switch
            {
                "acc" => metrics.Accuracy,
                "acc_norm" => metrics.AccuracyPerCharacter,
                "acc_bytes" => metrics.AccuracyPerByte,
                "brier_score" => metrics.BrierScore,
                "perplexity" => metrics.Perplexity,
                _ => throw new InvalidDataException(metric.Name),
            };
            Assert.Equal(1, figure.Value / metric.Value.GetDouble(), 1e-12);
        }
    }

    private static GptConfig Config => GptPresets.Tiny with { VocabularySize = Gpt2Tokenizer.Instance.VocabularySize, ContextLength = 256 };

    // Every layout is also recognized by its content.
    private static IReadOnlyList<TaskQuestion> Read(string name, TaskLayout layout)
    {
        string path = Path.Combine(Folder, name + ".jsonl");
        Assert.Equal(layout, TaskFile.DetectLayout(path));
        return TaskFile.Read(path);
    }

    private static int[] Ids(JsonElement ids) => [.. ids.EnumerateArray().Select(id => id.GetInt32())];

    private static TaskResult ResultOf(int index, TaskQuestion question, double[] logLikelihoods, bool[] areGreedy) => new(
        index, question.Name, question.Kind, question.Answer,
        [
            .. question.Choices.Select((choice, i) => new ChoiceScore(
                LossSummary.Of(-logLikelihoods[i]), areGreedy[i], choice.Text.EnumerateRunes().Count(),
                System.Text.Encoding.UTF8.GetByteCount(choice.Text))),
        ]);
}
