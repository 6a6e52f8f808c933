using Microsoft.ML;

namespace MLNet.Gpt.Tests.Instructions;

/// <summary>Instructions in ML.NET: the trainer, its transformer, and the loss of responses.</summary>
public class GptInstructionTrainerTests
{
    private static readonly PromptTemplate Template = new("{prompt} {response}");

    [Fact]
    public void A_pipeline_learns_to_answer_and_is_saved_and_loaded()
    {
        using var folder = new TemporaryDirectory();
        using var model = TinyModels.Create();
        var ml = new MLContext(seed: 1);
        var data = Data(ml);
        var trainer = ml.LanguageModeling.Trainers.GptInstructions(Options(model, 60));
        using var trained = trainer.Fit(data, data);
        string path = Path.Combine(folder.Path, "answers.zip");
        ml.Model.Save(trained, data.Schema, path);
        using var loaded = (GptTransformer)ml.Model.Load(path, out _);
        foreach (var example in ResponseLossTests.Examples)
        {
            var text = new TextGenerator(loaded.Model).Generate(Template.Format(example.Prompt), new() { MaxTokens = 8 });
            Assert.Equal(example.Response, text.Text.Trim());
        }

        // The same figure through every door.
        var metrics = ml.LanguageModeling.EvaluateInstructions(data, loaded.Model, options: new() { Template = Template },
            cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(trainer.History!.Last.ValidationLoss!.Value, metrics.CrossEntropy, 1e-6);
        var scorer = new ResponseScorer(trained.Model, new() { Template = Template });
        var expected = LossSummary.Empty;
        var responses = scorer.Score(ResponseLossTests.Examples, TestContext.Current.CancellationToken);
        foreach (var response in responses) expected += response.Metrics.Loss;
        Assert.Equal(expected, metrics.Loss);
        Assert.Equal(ResponseLossTests.Examples.Length, metrics.DocumentCount);

        // The end of text is a token and no text.
        Assert.Equal(2, responses[1].Tokens.Count);
        Assert.Equal(responses[1].Tokens[0].Text.Length, responses[1].Metrics.ByteCount);

        Assert.Contains("CrossEntropy", trained.Transform(data).Schema.Select(column => column.Name), StringComparer.Ordinal);
    }

    [Fact]
    public void Columns_are_checked_before_training()
    {
        using var model = TinyModels.Create();
        var ml = new MLContext(seed: 1);
        var data = Data(ml);
        var trainer = ml.LanguageModeling.Trainers.GptInstructions(model, "Prompt", "Answer");
        Assert.Contains("'Answer'", Assert.Throws<ArgumentOutOfRangeException>(() => trainer.Fit(data)).Message, StringComparison.Ordinal);
        var shape = Pipelines.SchemaShapes.Of(data.Schema);
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.GetOutputSchema(shape));
        var whole = ml.LanguageModeling.Trainers.GptInstructions(Options(model, 1));
        Assert.Contains("CrossEntropy", whole.GetOutputSchema(shape).Select(column => column.Name), StringComparer.Ordinal);
        var error = Assert.Throws<ArgumentException>(() => new GptInstructionTrainerOptions { PromptColumnName = "" });
        Assert.Contains("PromptColumnName is empty", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_row_that_cannot_be_learned_is_named()
    {
        using var model = TinyModels.Create();
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable([new Row { Prompt = "w1", Response = "w2" }, new Row { Prompt = "w1" }]);
        var trainer = ml.LanguageModeling.Trainers.GptInstructions(Options(model, 1));
        Assert.Contains(
            "Example 1 has an empty response", Assert.Throws<ArgumentException>(() => trainer.Fit(data)).Message, StringComparison.Ordinal);
    }

    private static GptInstructionTrainerOptions Options(GptModel model, int epochs) => new()
    {
        Instructions = new() { Template = Template },
        Trainer = new()
        {
            InitialModel = model,
            Training = new() { Epochs = epochs, BatchSize = 4, LearningRate = 0.01, EvaluationBatches = null },
            Transformer = new() { InputColumnName = "Prompt" },
        },
    };

    private static IDataView Data(MLContext ml) => ml.Data.LoadFromEnumerable(
        ResponseLossTests.Examples.Select(example => new Row { Prompt = example.Prompt, Response = example.Response }).ToArray());

    private sealed class Row
    {
        public string Prompt { get; set; } = "";

        public string Response { get; set; } = "";
    }
}
