using System.Text.RegularExpressions;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using MLNet.Gpt.Tests.TorchSharp;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>A supervised task on the model's embeddings, in one pipeline: is a line from a novel or from a program?</summary>
[Collection(TorchCollection.Name)]
public partial class EmbeddingClassificationTests
{
    [Fact]
    public void Embeddings_distinguish_prose_from_programs()
    {
        var ml = new MLContext(seed: 1);
        Line[] lines = [.. Lines("prose", NovelLines()), .. Lines("program", ProgramLines())];
        var split = ml.Data.TrainTestSplit(ml.Data.LoadFromEnumerable(lines), testFraction: 0.3);
        var words = FrequentWords(split.TrainSet.GetColumn<string>("Text"));
        var gpt = new GptTrainerOptions
        {
            Config = new()
            {
                VocabularySize = words.VocabularySize, ContextLength = 32, EmbeddingWidth = 32, HeadCount = 4,
                LayerCount = 2, DropoutRate = 0,
            },
            Tokenizer = words,
            Training = new()
            {
                Epochs = 4, BatchSize = 8, LearningRate = 3e-3, Decay = LearningRateDecay.None, WarmUpSteps = 0,
                EvaluationInterval = 1000, EvaluationBatches = 1,
            },
            Transformer = new() { Columns = new() { Embedding = "Features" } },
        };
        var pipeline = ml.LanguageModeling.Trainers.Gpt(gpt)
            .Append(ml.Transforms.Conversion.MapValueToKey("Label"))
            .AppendCacheCheckpoint(ml)
            .Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(
                new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1, MaximumNumberOfIterations = 20 }))
            .Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

        var model = pipeline.Fit(split.TrainSet);

        var metrics = ml.MulticlassClassification.Evaluate(model.Transform(split.TestSet));
        Assert.InRange(metrics.MacroAccuracy, 0.9, 1); // by chance 0.5

        using var folder = new TemporaryDirectory();
        string file = Path.Combine(folder.Path, "classifier.zip");
        ml.LanguageModeling.SaveModel(model, split.TrainSet.Schema, file);
        var other = new MLContext();
        var loaded = other.Model.Load(file, out _);
        Assert.Equal(Predictions(model), Predictions(loaded));
        using var engine = other.Model.CreatePredictionEngine<Line, Prediction>(loaded);
        Assert.Equal(
            "program",
            engine.Predict(new() { Text = Spaced("return new Whale(length, width: 0).Select(each => each.Name);") }).PredictedLabel);
        Assert.Equal("prose", engine.Predict(
            new() { Text = Spaced("and there he was upon the sea, as if the old man had never been in it") }).PredictedLabel);

        string[] Predictions(ITransformer transformer) => [.. transformer.Transform(split.TestSet).GetColumn<string>("PredictedLabel")];
    }

    private static WordTokenizer FrequentWords(IEnumerable<string> texts)
    {
        const string Unknown = "<|unknown|>", EndOfText = "<|endoftext|>";
        var frequent = texts.SelectMany(text => text.Split(' '))
            .CountBy(word => word).OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal).Take(400)
                .Select(pair => pair.Key);
        return new([.. frequent, Unknown, EndOfText], Unknown, EndOfText);
    }

    private static IEnumerable<Line> Lines(string label, IEnumerable<string> lines) =>
        lines.Select(line => new Line { Text = Spaced(line), Label = label });

    private static IEnumerable<string> NovelLines() => File.ReadLines(Path.Combine(Repository.Root, "samples", "Data", "moby-dick.txt"))
        .SelectMany(line => line.Chunk(100).Select(characters => new string(characters)))
        .Select(line => line.Trim())
        .Where(line => line.Length is > 40 and < 200)
        .Where((_, i) => i % 7 == 0)
        .Take(250);

    private static IEnumerable<string> ProgramLines() =>
        File.ReadLines(Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "Texts", "program-lines.txt"));

    private static string Spaced(string text) => string.Join(' ', Words().Matches(text).Select(match => match.Value));

    [GeneratedRegex(@"\w+|[^\w\s]")]
    private static partial Regex Words();

    private sealed class Line
    {
        public string Text { get; set; } = string.Empty;

        public string Label { get; set; } = string.Empty;
    }

    private sealed class Prediction
    {
        public string PredictedLabel { get; set; } = string.Empty;
    }
}
