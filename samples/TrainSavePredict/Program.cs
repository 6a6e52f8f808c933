// Train → evaluate → save → load in a new process → predict. In the repository's folder, where it writes gpt.zip:
//   dotnet run -c Release --project samples/TrainSavePredict
using System.Diagnostics;
using Microsoft.ML;
using MLNet.Gpt;

const string Saved = "gpt.zip";
var ml = new MLContext(seed: 1);
if (args is ["predict"])
{
    var loaded = ml.Model.Load(Saved, out _);
    using var engine = ml.Model.CreatePredictionEngine<Document, NextToken>(loaded); // disposes the pipeline, too
    foreach (string text in (string[])["The white", "Captain", "in the middle of the"])
    {
        var next = engine.Predict(new() { Text = text });
        Console.WriteLine($"{text}|{next.PredictedToken} ({next.Probability:P1})");
    }

    return;
}

ml.Log += (_, log) => { if (log.Source == nameof(GptTrainer)) Console.WriteLine(log.RawMessage); }; // shows the losses
string book = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "moby-dick.txt"));
var chapters = ml.Data.LoadFromEnumerable(book.Split("\nCHAPTER ").Select(text => new Document { Text = text }));
var split = ml.Data.TrainTestSplit(chapters, testFraction: 0.1);
using var model = ml.LanguageModeling.Trainers.Gpt(new GptTrainerOptions
{
    Training = new() { Epochs = 2, BatchSize = 4, LearningRate = 2e-3, WarmUpSteps = 0, ValidationFraction = 0.1 },
}).Fit(split.TrainSet);
var metrics = ml.LanguageModeling.Evaluate(model.Transform(split.TestSet));
Console.WriteLine(
    $"held-out chapters: {metrics.CrossEntropy:F3} nats per token, perplexity {metrics.Perplexity:N0} of {metrics.VocabularySize:N0}");

ml.Model.Save(model, chapters.Schema, Saved);
Process.Start(Environment.ProcessPath!, ["predict"]).WaitForExit();

internal sealed record Document { public string Text { get; set; } = ""; }

internal sealed record NextToken { public string PredictedToken { get; set; } = ""; public float Probability { get; set; } }
