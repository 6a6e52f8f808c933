using System.Globalization;
using MLNet.Gpt.Benchmarks.Measurement;
using MLNet.Gpt.Benchmarks.Peers;
using MLNet.Gpt.Formats;
using Spectre.Console;

namespace MLNet.Gpt.Benchmarks;

/// <summary>
/// A task of 1,000 questions with four choices each: packed and with shared contexts, each choice alone, and through LLamaSharp as its
/// users would do it.
/// </summary>
internal static class TaskBenchmark
{
    private const int Questions = 1000, Rounds = 10, Choices = 4;

    // About the sizes of ARC.
    private const int ContextTokens = 64, ChoiceTokens = 4;

    private static readonly GptConfig Config = GptPresets.Gpt2Small with
    {
        ContextLength = 128, EmbeddingWidth = 384, HeadCount = 6, LayerCount = 6,
    };

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("mlnet-gpt-tasks-").FullName;
        try
        {
            string path = Path.Combine(folder, "model.gguf");
            GptModelExporter.Export(path, RandomWeights.Create(Config), Gpt2Tokenizer.Instance);
            Compare(path);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Compare(string path)
    {
        using var model = GptModel.Load(path);
        using var llama = new LlamaChoices(path, Config.ContextLength);
        var evaluator = new TaskEvaluator(model);
        var scorer = new ContinuationScorer(model);
        TaskQuestion[] questions = [.. Enumerable.Range(0, Questions).Select(MakeQuestion)];

        // Each round has questions of its own, so that all rounds together are the task.
        int[][] answers = [new int[Questions], new int[Questions], new int[Questions]];
        int[] next = new int[3];
        const int PerRound = Questions / Rounds;
        var rows = Comparison.Run(
            Rounds,
            new("each choice alone", PerRound, () => Answer(0, question => Best(
                question.Choices.Select(choice => scorer.Score(choice.Context, choice.Continuation).LogLikelihood)))),
            new("packed, with shared contexts", PerRound, () =>
            {
                int first = Start(1);
                var results = evaluator.Evaluate(questions[first..(first + PerRound)]).Results;
                for (int i = 0; i < PerRound; i++) answers[1][first + i] = results[i].Predicted!.Value;
            }),
            new("LLamaSharp, a context once", PerRound, () => Answer(2, question => Best(
                llama.Score(scorer, question)))));
        Report.Print(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Questions:N0} questions of {ContextTokens} tokens and {Choices} choices of {ChoiceTokens}, ")
            + string.Create(CultureInfo.InvariantCulture, $"{Config.ParameterCount / 1e6:N0}M parameters, f32"),
            "questions/s", rows);
        int same = answers[0].Zip(answers[1]).Count(pair => pair.First == pair.Second);
        int theirs = answers[0].Zip(answers[2]).Count(pair => pair.First == pair.Second);
        AnsiConsole.WriteLine($"Of {Questions} answers, {same} are the same packed as alone, and {theirs} through LLamaSharp.");

        // The warm-up and the first round answer the same questions.
        int Start(int contender) => Math.Max(0, next[contender]++ - 1) * PerRound;

        void Answer(int contender, Func<TaskQuestion, int> choose)
        {
            int first = Start(contender);
            for (int i = first; i < first + PerRound; i++) answers[contender][i] = choose(questions[i]);
        }
    }

    private static int Best(IEnumerable<double> logLikelihoods) => logLikelihoods.Index().MaxBy(each => each.Item).Index;

    // Of words that are one token each, so that every choice has as many tokens.
    private static TaskQuestion MakeQuestion(int index)
    {
        var random = new Random(index);
        return TaskQuestion.MultipleChoice(
            Words(ContextTokens), Enumerable.Range(0, Choices).Select(_ => Words(ChoiceTokens)), answer: 0);

        string Words(int count) => string.Join(' ', Enumerable.Range(0, count).Select(_ => Common[random.Next(Common.Length)]));
    }

    private static readonly string[] Common =
    [
        "the", "whale", "ship", "captain", "sea", "and", "with", "old", "man", "boat", "water", "white", "great", "long", "night", "hand",
        "head", "world", "time", "day", "deep", "round", "little", "other", "still", "good", "life", "land", "side", "far", "home", "eyes",
    ];
}
