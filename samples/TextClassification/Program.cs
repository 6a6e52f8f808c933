// Is there a pause here? Given twelve words of Moby-Dick, was the last one followed by punctuation such as a comma, or
// by the next word? A GPT that never saw those chapters turns the words into vectors, and ML.NET's maximum-entropy
// trainer classifies them. It is one pipeline, saved and loaded as a whole. In the repository's folder, where it writes
// pauses.zip: dotnet run -c Release --project samples/TextClassification
using Microsoft.ML;
using MLNet.Gpt;
using MLNet.Gpt.Samples.TextClassification;

const int Words = 12;
const int ChaptersForGpt = 30;
var ml = new MLContext(seed: 1);

string book = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "moby-dick.txt"));
string[] chapters = book.Split("\nCHAPTER ");
var forGpt = chapters.Take(ChaptersForGpt).Select(text => new Passage { Text = text });
var passages = chapters.Skip(ChaptersForGpt)
    .SelectMany(text => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Chunk(Words))
    .Select(Passage.Of)
    .ToLookup(passage => passage.Label);
int half = passages.Min(group => group.Count()); // the same number of each label, so that guessing is right half of the time
var balanced = ml.Data.LoadFromEnumerable(passages.SelectMany(group => group.Take(half)));
var split = ml.Data.TrainTestSplit(balanced, testFraction: 0.25);

Console.WriteLine($"Training a GPT on the first {ChaptersForGpt} chapters…");
using var gpt = ml.LanguageModeling.Trainers.Gpt(new GptTrainerOptions
{
    Training = new()
    {
        Epochs = 2, BatchSize = 4, LearningRate = 2e-3, FinalLearningRate = 2e-4, WarmUpSteps = 0, ValidationFraction = 0.1,
    },
}).Fit(ml.Data.LoadFromEnumerable(forGpt));

var embedding = new GptTransformerOptions { Columns = GptOutputColumns.None with { Embedding = "Features" } };
var classifier = ml.Transforms.Conversion.MapValueToKey("Label")
    .Append(ml.LanguageModeling.FromModel(gpt.Model, embedding))
    .Append(ml.Transforms.NormalizeMeanVariance("Features"))
    .AppendCacheCheckpoint(ml) // the trainer reads the rows many times; the GPT reads them once
    .Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(l2Regularization: 0.01f))
    .Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
using var model = classifier.Fit(split.TrainSet);

ml.Model.Save(model, split.TrainSet.Schema, "pauses.zip");
var loaded = new MLContext().Model.Load("pauses.zip", out _);
var metrics = ml.MulticlassClassification.Evaluate(loaded.Transform(split.TestSet));
Console.WriteLine($"{2 * half} passages, a quarter held out: {metrics.MicroAccuracy:P1} right (50 % by guessing)");
