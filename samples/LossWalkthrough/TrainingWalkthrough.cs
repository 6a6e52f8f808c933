using Microsoft.ML;
using MLNet.Gpt.Charts;
using Spectre.Console;
using static MLNet.Gpt.Samples.LossWalkthrough.Page;

namespace MLNet.Gpt.Samples.LossWalkthrough;

/// <summary>
/// The same question for a model that learns: loss on held-out chapters before and after training, all through ML.NET
/// and without libtorch.
/// </summary>
internal sealed class TrainingWalkthrough(IAnsiConsole console, string outputFolder)
{
    private static readonly GptConfig Config = new()
    {
        ContextLength = 64, EmbeddingWidth = 128, HeadCount = 4, LayerCount = 3, DropoutRate = 0,
    };

    private static readonly TrainingOptions Training = new()
    {
        Epochs = 2, BatchSize = 4, LearningRate = 3e-3, FinalLearningRate = 3e-4, WarmUpSteps = 20,
        EvaluationInterval = 60, EvaluationBatches = 16,
    };

    // The trainer takes its seed from the context; with this one it begins with the model that is measured before
    // training.
    private readonly MLContext _ml = new((int)Training.Seed);

    public void Run(CancellationToken cancellationToken)
    {
        console.Step("8", "A model that learns: chapters of Moby-Dick, through the ML.NET trainer");
        string[] chapters = SampleText.ReadChapters();
        var training = ToView(chapters[..^SampleText.HeldOutChapters]);
        var heldOut = ToView(chapters[^SampleText.HeldOutChapters..]);
        console.WriteLine(
            $"{chapters.Length - SampleText.HeldOutChapters} chapters to learn from, the last {SampleText.HeldOutChapters} held out; "
            + $"{Number(Config.ParameterCount, "N0")} parameters, context {Config.ContextLength}.");

        LanguageModelMetrics before;
        TaskEvaluation answersBefore;
        using (var untrained = CreateUntrained())
        {
            before = Evaluate(new GptTransformer(untrained), heldOut);
            answersBefore = Ask(untrained, cancellationToken);
        }

        GptTrainer trainer = null!;
        var transformer = TrainingDisplay.Run(console, progress =>
        {
            trainer = _ml.LanguageModeling.Trainers.Gpt(new GptTrainerOptions
            {
                Config = Config, Training = Training, Progress = progress, CancellationToken = cancellationToken,
            });
            return trainer.Fit(training, heldOut);
        });

        console.Step("9", "Loss on the held-out chapters, before and after, by the ML.NET evaluator");
        ShowMetrics(before, Evaluate(transformer, heldOut));
        ShowBaselines(chapters[..^SampleText.HeldOutChapters], chapters[^SampleText.HeldOutChapters..]);
        ShowPredictions(transformer);
        ShowGeneration(transformer.Model);

        string picture = Path.Combine(outputFolder, "loss-curve.png");
        LossCurve.Save(trainer.History!, picture, uniformCrossEntropy: before.UniformCrossEntropy);
        console.WriteLine();
        console.WriteLine($"Loss curve: {picture}");

        console.Step("11", "Questions about the held-out chapters: which of four words comes next?");
        ShowAnswers(answersBefore, Ask(transformer.Model, cancellationToken));
    }

    private static TaskEvaluation Ask(GptModel model, CancellationToken cancellationToken) =>
        new TaskEvaluator(model).Evaluate(
            TaskFile.Read(Path.Combine(AppContext.BaseDirectory, "Data", "cloze.jsonl"), cancellationToken: cancellationToken),
            cancellationToken: cancellationToken);

    private static GptModel CreateUntrained() =>
        GptModel.FromWeights(WeightInitializer.Create(Config, Training.Seed), Gpt2Tokenizer.Instance);

    private LanguageModelMetrics Evaluate(GptTransformer transformer, IDataView data) =>
        _ml.LanguageModeling.Evaluate(transformer.Transform(data));

    private IDataView ToView(IEnumerable<string> texts) =>
        _ml.Data.LoadFromEnumerable(texts.Select(text => new Document { Text = text }));

    private void ShowMetrics(LanguageModelMetrics before, LanguageModelMetrics after)
    {
        var table = Table("", "before", "after");
        table.AddRow("cross-entropy, nats per token", Number(before.CrossEntropy, "F4"), Number(after.CrossEntropy, "F4"));
        table.AddRow("perplexity", Number(before.Perplexity, "N1"), $"[bold]{Number(after.Perplexity, "N1")}[/]");
        table.AddRow("bits per byte", Number(before.BitsPerByte, "F3"), Number(after.BitsPerByte, "F3"));
        table.AddRow("most probable token is right", Number(before.Top1Accuracy, "P1"), Number(after.Top1Accuracy, "P1"));
        table.AddRow("tokens predicted", Number(before.TokenCount, "N0"), Number(after.TokenCount, "N0"));
        table.Columns[1].RightAligned();
        table.Columns[2].RightAligned();
        console.Write(table);
        console.WriteLine(
            $"Guessing uniformly among all {before.VocabularySize} tokens would give {Number(before.UniformCrossEntropy, "F4")} "
            + $"and a perplexity of {before.VocabularySize}.");
    }

    private void ShowAnswers(TaskEvaluation before, TaskEvaluation after)
    {
        var table = Table("", "before", "after");
        table.AddRow("answered right", $"{before.Metrics.Accuracy}", $"[bold]{after.Metrics.Accuracy}[/]");
        table.AddRow("Brier score", $"{before.Metrics.BrierScore}", $"{after.Metrics.BrierScore}");
        console.Write(table);
        var test = McNemarTest.Of([.. before.Results.Select(IsRight)], [.. after.Results.Select(IsRight)]);
        console.WriteLine(
            $"Guessing would answer {Number(before.Metrics.ChanceAccuracy, "P0")} of the {before.Metrics.QuestionCount} questions right. "
            + $"Training won {test.SecondOnly} and lost {test.FirstOnly}: p = {Number(test.PValue, "0.0e-0")} (McNemar's exact test). "
            + "Of Brier scores, the lower is better.");

        static bool IsRight(TaskResult result) => result.IsRight == true;
    }

    private void ShowBaselines(string[] learned, string[] heldOut)
    {
        var unigram = UnigramModel.Train(Corpus.FromTexts(learned), Gpt2Tokenizer.Instance);
        var baselines = TextBaselines.Measure(Corpus.FromTexts(heldOut), Gpt2Tokenizer.Instance, unigram: unigram);
        console.WriteLine(
            $"Knowing how often each token occurs (unigram, add-one) would give {Number(baselines.Unigram!.CrossEntropy, "F4")} "
            + $"and a perplexity of {Number(baselines.Unigram.Perplexity, "N1")}; "
            + $"gzip takes {Number(baselines.Gzip.BitsPerByte, "F3")} bits per byte.");
    }

    private void ShowPredictions(GptTransformer transformer)
    {
        console.Step("10", "What comes next?");
        var options = new PredictionEngineOptions { OwnsTransformer = false }; // the transformer is still needed afterward
        using var engine = _ml.Model.CreatePredictionEngine<Document, Prediction>(transformer, options);
        var table = Table("text", "next token", "probability");
        foreach (string text in (string[])["The ship", "Captain", "the white", "Call me", "I do not"])
        {
            var prediction = engine.Predict(new Document { Text = text });
            string token = prediction.PredictedToken.Replace("\n", "\\n", StringComparison.Ordinal);
            table.AddRow(Markup.Escape(text), Markup.Escape($"'{token}'"), Number(prediction.Probability, "P1"));
        }

        table.Columns[2].RightAligned();
        console.Write(table);
    }

    private void ShowGeneration(GptModel model)
    {
        const string Prompt = "The captain looked at the sea, and";
        var options = new GenerationOptions { MaxTokens = 40, Temperature = 0.8, TopK = 40, Seed = 7 };
        var text = new TextGenerator(model).Generate(Prompt, options);
        console.MarkupLine($"{Markup.Escape(Prompt)}[yellow]{Markup.Escape(text.Text.ReplaceLineEndings(" "))}[/]");
    }

    private sealed class Document
    {
        public string Text { get; set; } = string.Empty;
    }

    private sealed class Prediction
    {
        public string PredictedToken { get; set; } = string.Empty;

        public float Probability { get; set; }
    }
}
