using MLNet.Gpt.Data;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Tests.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.Training.Managed.Sequences;

/// <summary>Whole training runs on sequences.</summary>
[Collection(TorchCollection.Name)]
public sealed class SequenceTrainingTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("gpt2", Tasks.Responses)]
    [InlineData("llama", Tasks.Responses)]
    [InlineData("gpt2", Tasks.Classes)]
    [InlineData("llama", Tasks.Classes)]
    [InlineData("gpt2", Tasks.Numbers)]
    public void Losses_of_50_steps_are_those_of_a_plain_loop(string decoder, string task)
    {
        var weights = Tasks.Weights(decoder, task);
        using var network = new TorchNetwork(weights);
        PlainLoop.AssertSameLosses(weights, Tasks.Data(task, count: 40), PlainLoop.Options, network);
    }

    [Theory]
    [InlineData(Tasks.Responses)]
    [InlineData(Tasks.Classes)]
    [InlineData(Tasks.Numbers)]
    public void Interrupted_training_resumes_bit_for_bit(string task)
    {
        var config = GptPresets.Tiny with { ContextLength = 24, DropoutRate = 0.1 };
        var options = new TrainingOptions
        {
            Epochs = 3, BatchSize = 6, BatchesPerStep = 2, EvaluationInterval = 2, ScoreCount = Tasks.ScoreCount(task), KeepBest = true,
        };
        var whole = TinyModels.Weights(config, seed: 1).Train(Tasks.Data(task), options, cancellationToken: Token);
        Assert.Equal(6, whole.History.Last.Step);
        Assert.Equal(task == Tasks.Classes, whole.History.Last.TrainingAccuracy is not null);
        foreach (int step in (int[])[0, 1, 3, 4])
        {
            string folder = Path.Combine(_directory.Path, $"{step}");
            var saving = options with { Checkpoints = new(folder) { Interval = 1000, Existing = ExistingCheckpoints.Resume } };
            using var source = new CancellationTokenSource();
            var progress = new ProgressList(report =>
            {
                if (report.Step >= step) source.Cancel();
            });
            Assert.Throws<OperationCanceledException>(
                () => TinyModels.Weights(config, seed: 1).Train(Tasks.Data(task), saving, progress, source.Token));
            var resumed = TinyModels.Weights(config, seed: step == 0 ? 1 : 9).Train(Tasks.Data(task), saving, cancellationToken: Token);
            CheckpointTests.AssertSame(whole, resumed);
        }
    }

    [Fact]
    public void Training_does_not_resume_with_other_targets_labels_or_scores()
    {
        var weights = TinyModels.Weights(GptPresets.Tiny with { ContextLength = 24 }, seed: 1);
        var saving = new TrainingOptions
        {
            MaxSteps = 1, BatchSize = 4,
            Checkpoints = new(Path.Combine(_directory.Path, "tokens")) { Existing = ExistingCheckpoints.Resume },
        };
        int[] ids = [.. Enumerable.Range(1, 20)];
        Train(new TrainingSequence(ids) { FirstTarget = 3 }, saving);
        Train(new TrainingSequence(ids) { FirstTarget = 3 }, saving);
        Refuse("SHA-256", new TrainingSequence(ids) { FirstTarget = 4 }, saving);

        var scoring = saving with { ScoreCount = 2, Checkpoints = saving.Checkpoints with { Folder = _directory.Path } };
        Train(new TrainingSequence(ids) { Label = 1 }, scoring);
        Refuse("SHA-256", new TrainingSequence(ids) { Label = 0 }, scoring);
        Refuse("another model", new TrainingSequence(ids) { Label = 1 }, scoring with { ScoreCount = 3 });

        void Train(TrainingSequence sequence, TrainingOptions options) =>
            weights.Train(TrainingData.FromSequences([sequence], null, 24, 61), options, cancellationToken: Token);

        void Refuse(string part, TrainingSequence sequence, TrainingOptions options) => Assert.Contains(
            part, Assert.Throws<ArgumentException>(() => Train(sequence, options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_step_without_targets_that_count_changes_nothing()
    {
        var weights = TinyModels.Weights(GptPresets.Tiny, seed: 1);
        int[] ids = [5, 6, 7];
        var data = TrainingData.FromSequences([new(ids) { FirstTarget = 3 }, new(ids) { FirstTarget = 3 }, new(ids)], null, 16, 61);
        var order = new TokenBatches(data.TrainingExamples, 1).Shuffled(123).ToList();
        var progress = new ProgressList();
        var options = new TrainingOptions
        {
            BatchSize = 1, Epochs = 1, EvaluationBatches = 1, LearningRate = 0.1, WarmUpSteps = 0, OnDivergence = DivergencePolicy.Throw,
        };
        var history = weights.Train(data, options, progress, Token).History;
        Assert.Equal(0, history.SkippedSteps);
        for (int step = 0; step < 3; step++)
        {
            bool counts = order[step].TargetCount > 0;
            Assert.Equal(counts, !double.IsNaN(progress.All[step + 1].BatchLoss));
            Assert.Equal(counts, history.Points[step].TrainingLoss != history.Points[step + 1].TrainingLoss);
        }
    }

    [Fact]
    public void Classes_are_learned_and_the_accuracy_is_reported()
    {
        TrainingSequence[] sequences =
            [.. Enumerable.Range(0, 12).Select(i => new TrainingSequence((int[])[i + 1, 50, 51 + (i % 2)]) { Label = i % 2 })];
        var options = new TrainingOptions { ScoreCount = 2, Epochs = 10, BatchSize = 4, LearningRate = 1e-2 };
        var result = TinyModels.Weights(GptPresets.Tiny, seed: 1).Train(
            TrainingData.FromSequences(sequences, sequences, 16, 61), options, cancellationToken: Token);
        Assert.Equal(1, result.History.Last.TrainingAccuracy);
        Assert.Equal(1, result.History.Last.ValidationAccuracy);
        Assert.Equal(2, result.Weights.Config.ScoreCount);
        Assert.Equal(2 * 32, result.Weights[WeightNames.Score].Length);
        string csv = result.History.ToCsv();
        Assert.EndsWith(",training_accuracy,validation_accuracy", csv.Split('\n')[0], StringComparison.Ordinal);
        Assert.EndsWith(",1,1", csv.TrimEnd(), StringComparison.Ordinal);
        Assert.Equal(1, TrainingHistory.FromJson(result.History.ToJson()).Last.ValidationAccuracy);

        // It goes on from the head that it has.
        var data = TrainingData.FromSequences(sequences, null, 16, 61);
        var further = result.Weights.Train(data, new() { MaxSteps = 0 }, null, Token).Weights;
        Assert.Equal(result.Weights[WeightNames.Score], further[WeightNames.Score]);
        var refused = Assert.Throws<ArgumentException>(
            () => result.Weights.Train(data, options with { ScoreCount = 3 }, null, Token));
        Assert.Contains("ScoreCount is 3", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_new_head_has_the_numbers_of_PyTorchs_linear_layer()
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(123);
        var linear = torch.nn.Linear(32, 2);
        var weights = TinyModels.Weights(GptPresets.Tiny, seed: 1);
        var data = TrainingData.FromSequences([new((int[])[1, 2]) { Label = 1 }], null, 16, 61);
        var drawn = weights.Train(data, new() { ScoreCount = 2, MaxSteps = 0, Seed = 123 }, null, Token).Weights;
        Assert.Equal(linear.weight.data<float>().ToArray(), drawn[WeightNames.Score]);
        Assert.Equal(linear.bias!.data<float>().ToArray(), drawn[WeightNames.ScoreBias]);
        Assert.Equal(weights[WeightNames.Query(1)], drawn[WeightNames.Query(1)]);

        var unbiased = new TrainingOptions { ScoreCount = 2, MaxSteps = 1, Seed = 123, FrozenWeights = [WeightNames.ScoreBias] };
        Assert.Equal([0, 0], weights.Train(data, unbiased, null, Token).Weights[WeightNames.ScoreBias]);
    }

    [Fact]
    public void The_books_classifier_has_124_441_346_weights()
    {
        var config = new GptConfig { HasTiedHead = false, ScoreCount = 2 };
        Assert.Equal(124_441_346, config.ParameterCount);
        Assert.Equal(124_441_346, WeightNames.For(config).Sum(entry => entry.ElementCount));
    }

    [Fact]
    public void A_file_keeps_the_head_of_scores_and_formats_without_one_refuse()
    {
        var weights = Tasks.Weights("gpt2", Tasks.Classes);
        string path = Path.Combine(_directory.Path, "model.safetensors");
        GptModelExporter.Export(path, weights, tokenizer: null, cancellationToken: Token);
        using (var file = GptModelFile.Open(path))
        {
            Assert.Equal(weights.Config.Validated(), file.Config);
            float[] read = new float[Tasks.ClassCount];
            file.Read(WeightNames.ScoreBias, 0, read);
            Assert.Equal(weights[WeightNames.ScoreBias], read);
        }

        Assert.Contains(
            "GptClassifier", Assert.Throws<ArgumentException>(() => GptModel.FromWeights(weights, TinyModels.Words)).Message,
            StringComparison.Ordinal);
        foreach (var format in (ExportFormat[])[ExportFormat.Gguf, ExportFormat.Onnx, ExportFormat.PyTorch, ExportFormat.HuggingFace])
        {
            Assert.Throws<ArgumentException>(() => GptModelExporter.Export(
                Path.Combine(_directory.Path, "other"), weights, null, new() { Format = format }, cancellationToken: Token));
        }
    }

    [Theory]
    [InlineData(Engines.TorchSharp)]
    [InlineData(Engines.PyTorchExact)]
    public void The_engines_on_libtorch_learn_responses_and_refuse_scores(string engine)
    {
        var weights = Tasks.Weights("gpt2", Tasks.Responses);
        var options = new TrainingOptions { Engine = Engines.Named(engine), MaxSteps = 3, BatchSize = 4, EvaluationBatches = null };
        var theirs = weights.Train(Tasks.Data(Tasks.Responses), options, null, Token).History;
        var managed = weights.Train(Tasks.Data(Tasks.Responses), options with { Engine = TrainingEngine.Managed }, null, Token).History;
        Assert.Equal(managed.First.ValidationLoss!.Value, theirs.First.ValidationLoss!.Value, engine == Engines.TorchSharp ? 1e-5 : 0.5);
        Assert.True(theirs.Last.TrainingLoss < theirs.First.TrainingLoss);

        var refused = Assert.Throws<ArgumentException>(
            () => weights.Train(Tasks.Data(Tasks.Classes), options with { ScoreCount = 3 }, null, Token));
        Assert.Contains("ScoreCount is 3", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Data_and_options_that_do_not_fit_are_refused()
    {
        var weights = TinyModels.Weights(GptPresets.Tiny, seed: 1);
        int[] ids = [1, 2, 3];
        Refuse("set ScoreCount to the number of classes", new(ids) { Label = 1 }, new());
        Refuse("set ScoreCount to 1", new(ids) { Value = 1 }, new());
        Refuse("every sequence needs a class", new(ids), new() { ScoreCount = 2 });
        Refuse("every sequence needs a number", new(ids) { Label = 0 }, new() { ScoreCount = 1 });
        Refuse("Sequence 0 has the class 2; ScoreCount is 2, so classes run from 0 to 1", new(ids) { Label = 2 }, new() { ScoreCount = 2 });
        Refuse("Sample", new(ids) { Label = 1 }, new() { ScoreCount = 2, Sample = new("w1") });
        Refuse("LabelSmoothing is 0.5", new(ids) { Value = 1 }, new() { ScoreCount = 1, LabelSmoothing = 0.5 });
        Refuse("matches no weight", new(ids) { Label = 1 }, new() { ScoreCount = 2, FrozenWeights = ["out_head*"] });

        void Refuse(string part, TrainingSequence sequence, TrainingOptions options)
        {
            var data = TrainingData.FromSequences([sequence], null, 16, 61);
            var refused = Assert.Throws<ArgumentException>(() => weights.Train(data, options, null, Token));
            Assert.Contains(part, refused.Message, StringComparison.Ordinal);
        }
    }
}
