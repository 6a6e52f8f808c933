using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Tests.Runtime;
using MLNet.Gpt.Transforms;

namespace MLNet.Gpt.Tests.Transforms;

/// <summary>A supervised task on the model's embeddings, in one pipeline: is a passage a novel's, or a program's?</summary>
[Collection(TorchCollection.Name)]
public class EmbeddingClassificationTests
{
    [Fact]
    public void A_model_s_embeddings_tell_prose_from_programs_and_help_pages()
    {
        var ml = new MLContext(seed: 1);
        Passage[] passages = [.. Passages("prose", NovelLines()), .. Passages("program", Lines("src/MLNet.Gpt", "*.cs")), .. Passages("help", Lines("docs/cmdlets", "*.md"))];
        var split = ml.Data.TrainTestSplit(ml.Data.LoadFromEnumerable(passages), testFraction: 0.3);
        var gpt = new GptTrainerOptions
        {
            Config = new() { ContextLength = 32, EmbeddingWidth = 32, HeadCount = 4, LayerCount = 2, DropoutRate = 0 },
            Training = new() { MaxSteps = 40, BatchSize = 8, LearningRate = 3e-3, EvaluationInterval = 40, EvaluationBatches = 1, ValidationFraction = 0 },
            Transformer = new() { Columns = new() { Embedding = "Features" } },
        };
        var pipeline = ml.LanguageModeling.Trainers.Gpt(gpt)
            .Append(ml.Transforms.Conversion.MapValueToKey("Label"))
            .AppendCacheCheckpoint(ml)
            .Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(maximumNumberOfIterations: 50))
            .Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

        var model = pipeline.Fit(split.TrainSet);

        var metrics = ml.MulticlassClassification.Evaluate(model.Transform(split.TestSet));
        Assert.InRange(metrics.MacroAccuracy, 0.8, 1); // of three kinds: by chance 0.33

        using var folder = new TemporaryDirectory();
        string file = Path.Combine(folder.Path, "classifier.zip");
        ml.LanguageModeling.SaveModel(model, split.TrainSet.Schema, file);
        var other = new MLContext();
        var loaded = other.Model.Load(file, out _);
        Assert.Equal(Predictions(model), Predictions(loaded));
        using var engine = other.Model.CreatePredictionEngine<Passage, Prediction>(loaded);
        Assert.Equal("program", engine.Predict(new() { Text = "public sealed class Whale(int length) : IMammal { return length; }" }).PredictedLabel);

        string[] Predictions(ITransformer transformer) => [.. transformer.Transform(split.TestSet).GetColumn<string>("PredictedLabel")];
    }

    private static IEnumerable<Passage> Passages(string label, IEnumerable<string> lines) => lines
        .Select(line => line.Trim())
        .Where(line => line.Length is > 40 and < 200)
        .Where((_, i) => i % 7 == 0)
        .Take(250)
        .Select(line => new Passage { Text = line, Label = label });

    private static IEnumerable<string> NovelLines() => File.ReadLines(Path.Combine(Repository.Root, "samples", "Data", "moby-dick.txt"))
        .SelectMany(line => line.Chunk(100).Select(piece => new string(piece)));

    private static IEnumerable<string> Lines(string folder, string pattern) => Directory
        .EnumerateFiles(Path.Combine(Repository.Root, folder), pattern, SearchOption.AllDirectories)
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal)
        .SelectMany(File.ReadLines);

    private sealed class Passage
    {
        public string Text { get; set; } = string.Empty;

        public string Label { get; set; } = string.Empty;
    }

    private sealed class Prediction
    {
        public string PredictedLabel { get; set; } = string.Empty;
    }
}
