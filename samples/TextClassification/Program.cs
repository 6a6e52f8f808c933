// From which chapter of Moby-Dick is a passage? A GPT that never saw those chapters turns passages into vectors; ML.NET's maximum-entropy trainer tells them apart.
// One pipeline, saved and loaded as a whole.
using Microsoft.ML;
using MLNet.Gpt;
using MLNet.Gpt.Samples.TextClassification;
using MLNet.Gpt.Transforms;

const int Words = 60;
int[] told = [3, 16, 32, 42]; // The Spouter-Inn, The Ship, Cetology, The Whiteness of the Whale
var ml = new MLContext(seed: 1);

string book = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "moby-dick.txt"));
string[] chapters = book.Split("\nCHAPTER ");
var others = chapters.Where((_, i) => !told.Contains(i + 1)).Select(text => new Passage { Text = text });
var passages = told.SelectMany(number => chapters[number - 1].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
    .Skip(3).Chunk(Words) // The chapter's number and title would tell.
    .Select(words => new Passage { Chapter = $"chapter {number}", Text = string.Join(' ', words) }));
var split = ml.Data.TrainTestSplit(ml.Data.LoadFromEnumerable(passages), testFraction: 0.25);

Console.WriteLine($"Training a GPT on the {chapters.Length - told.Length} other chapters…");
var gpt = ml.LanguageModeling.Trainers.Gpt(new GptTrainerOptions
{
    Training = new() { Epochs = 2, BatchSize = 4, LearningRate = 2e-3, FinalLearningRate = 2e-4 },
}).Fit(ml.Data.LoadFromEnumerable(others));

var classifier = ml.Transforms.Conversion.MapValueToKey("Label", nameof(Passage.Chapter))
    .Append(ml.LanguageModeling.FromModel(gpt.Model, new GptTransformerOptions { Columns = new() { Embedding = "Features" } }))
    .Append(ml.Transforms.NormalizeMeanVariance("Features"))
    .Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy())
    .Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
var model = classifier.Fit(split.TrainSet);

ml.Model.Save(model, split.TrainSet.Schema, "chapters.zip");
var loaded = new MLContext().Model.Load("chapters.zip", out _);
var metrics = ml.MulticlassClassification.Evaluate(loaded.Transform(split.TestSet));
Console.WriteLine($"Held-out passages of {Words} words: {metrics.MicroAccuracy:P1} right ({1.0 / told.Length:P0} by chance)");
