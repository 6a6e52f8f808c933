namespace MLNet.Gpt.Tests.Training.Lora;

/// <summary>Training of adapters from its options to its result.</summary>
public class AdapterTrainingTests
{
    private static readonly GptConfig Config = GptPresets.Tiny with { DropoutRate = 0.1 };

    private static readonly TrainingOptions Options = new()
    {
        Epochs = 3, BatchSize = 2, WindowLength = 16, LearningRate = 2e-2, EvaluationInterval = 3, ThreadCount = 2,
        ValidationFraction = 0.2, KeepBest = true, Lora = new() { Rank = 3, Dropout = 0.2, TrainedWeights = ["final_norm.*"] },
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    [InlineData(WeightPrecision.Int4)]
    public void An_adapter_of_a_model_of_any_precision_learns_and_leaves_the_model_as_it_is(WeightPrecision precision)
    {
        using var model = NewModel(precision);
        int[] ids = [.. Enumerable.Range(0, 16).Select(i => i * 5 % 61)];
        float[] before = model.ComputeLogits(ids);
        var result = model.Train(Data(), Options, cancellationToken: Token);
        Assert.Equal(before, model.ComputeLogits(ids));
        var points = result.History.Points;
        Assert.True(points[^1].TrainingLoss < points[0].TrainingLoss - 0.2, $"{points[0].TrainingLoss} → {points[^1].TrainingLoss}");

        var adapter = result.Adapter!;
        Assert.Equal(0.2, adapter.Dropout);
        Assert.Equal(["final_norm.scale", "final_norm.shift"], adapter.Weights.Keys.Order());
        Assert.All(adapter.Matrices, matrix => Assert.Equal((3, 16 / 3.0), (matrix.Rank, matrix.Scale)));
        Assert.All(adapter.Matrices, matrix => Assert.Contains(matrix.B.ToArray(), x => x != 0));
        using var adapted = model.WithAdapter(adapter);
        Assert.NotEqual(before, adapted.ComputeLogits(ids));
        float[] merged = result.Weights[WeightNames.Value(0)].ToArray(), expected = new float[merged.Length];
        adapter.Merge(model).Read(WeightNames.Value(0), 0, expected);
        Assert.Equal(expected, merged);
    }

    [Fact]
    public void With_zero_steps_the_result_is_the_model()
    {
        using var model = NewModel(WeightPrecision.Float32);
        var result = model.Train(Data(), Options with { MaxSteps = 0, KeepBest = false }, cancellationToken: Token);
        foreach (var entry in WeightNames.For(Config)) Assert.Equal(Read(model, entry), result.Weights[entry.Name].ToArray());
    }

    [Fact]
    public void With_zero_steps_an_initial_adapter_comes_back_bit_for_bit()
    {
        using var model = NewModel(WeightPrecision.Int8);
        var trained = model.Train(Data(), Options, cancellationToken: Token).Adapter!;
        var further = Options with { InitialAdapter = trained, MaxSteps = 0, KeepBest = false };
        AssertSame(trained, model.Train(Data(), further, cancellationToken: Token).Adapter!);

        // Also one from a file, whose α has single precision, and which may have another for query, key and value.
        using var folder = new TemporaryDirectory();
        var options = Options with { MaxSteps = 0, KeepBest = false, Lora = new() { Rank = 3, Alpha = 0.1 } };
        var random = LoraAdapters.Random(Config, options.Lora, seed: 4);
        foreach (string name in (string[])["adapter", "adapter.gguf"])
        {
            random.Save(Path.Combine(folder.Path, name), cancellationToken: Token);
            var loaded = LoraAdapter.Load(Path.Combine(folder.Path, name), Config);
            var result = model.Train(Data(), options with { InitialAdapter = loaded }, cancellationToken: Token).Adapter!;
            foreach (var expected in random.Matrices)
            {
                var actual = result.Matrices.Single(matrix => matrix.Target == expected.Target);
                Assert.Equal((expected.Rank, expected.Scale), (actual.Rank, actual.Scale));
                Assert.Equal(expected.A.ToArray(), actual.A.ToArray());
                Assert.All(expected.B.ToArray().Zip(actual.B.ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
            }
        }
    }

    [Fact]
    public void An_initial_adapter_is_trained_further()
    {
        using var model = NewModel(WeightPrecision.Float32);
        var once = model.Train(Data(), Options, cancellationToken: Token);
        var twice = model.Train(Data(), Options with { InitialAdapter = once.Adapter }, cancellationToken: Token);
        Assert.Equal(once.History.Points.Min(point => point.ValidationLoss), twice.History.First.ValidationLoss);
        Assert.True(twice.History.Last.TrainingLoss < once.History.Last.TrainingLoss);
    }

    [Fact]
    public void An_initial_adapter_of_another_form_is_refused_with_both_forms()
    {
        string[] some = ["*.W_query.*", "*.W_value.*"];
        AssertRefused(new() { Rank = 3 }, new() { Rank = 4 }, "Rank 3", "Rank 4", WeightNames.Query(0));
        AssertRefused(new() { Targets = some }, new(), "Targets (trf_blocks.*) matches", WeightNames.Key(0));
        AssertRefused(new(), new() { Targets = some }, WeightNames.Key(0), "Targets (*.W_query.*, *.W_value.*)");
        string message = Refusal(LoraAdapters.Random(Config, new(), seed: 1), lora: null);
        Assert.Contains("InitialAdapter is set, but Lora is not", message, StringComparison.Ordinal);

        var normed = new LoraAdapter(
            Config, LoraAdapters.Random(Config, new(), seed: 1).Matrices,
            new Dictionary<string, float[]> { [WeightNames.FinalNormScale] = new float[Config.EmbeddingWidth] });
        message = Refusal(normed, new() { TrainedWeights = ["*.bias"] });
        Assert.Contains("'final_norm.scale', which TrainedWeights (*.bias) does not match", message, StringComparison.Ordinal);

        var wider = LoraAdapters.Random(Config with { EmbeddingWidth = 40 }, new(), seed: 1);
        Assert.Contains("(40, 40); the model's is (32, 32)", Refusal(wider, new()), StringComparison.Ordinal);

        static void AssertRefused(LoraOptions adapters, LoraOptions options, params string[] mentioned)
        {
            string message = Refusal(LoraAdapters.Random(Config, adapters, seed: 1), options);
            Assert.All(mentioned, each => Assert.Contains(each, message, StringComparison.Ordinal));
        }

        static string Refusal(LoraAdapter adapter, LoraOptions? lora) => Assert.Throws<ArgumentException>(
            () => TinyModels.Weights(Config, seed: 1).Train(
                Data(), Options with { Lora = lora, InitialAdapter = adapter }, cancellationToken: Token)).Message;
    }

    [Fact]
    public void A_model_of_a_file_and_a_loaded_model_give_the_same_adapter()
    {
        using var model = NewModel(WeightPrecision.Float32);
        AssertSame(
            model.Train(Data(), Options, cancellationToken: Token).Adapter!,
            TinyModels.Weights(Config, seed: 1).Train(Data(), Options, cancellationToken: Token).Adapter!);
    }

    [Fact]
    public void Training_canceled_at_any_step_resumes_bit_for_bit()
    {
        using var model = NewModel(WeightPrecision.Int8);
        var whole = model.Train(Data(), Options, cancellationToken: Token);
        for (int step = 0; step < 9; step += 2)
        {
            using var folder = new TemporaryDirectory();
            var saving = Options with { Checkpoints = new(folder.Path) { Interval = 1000, Existing = ExistingCheckpoints.Resume } };
            Break(step);
            Break(step + 2);
            var resumed = model.Train(Data(), saving, cancellationToken: Token);
            AssertSame(whole.Adapter!, resumed.Adapter!);
            Assert.Equal(
                whole.History.Points.Select(point => point.TrainingLoss), resumed.History.Points.Select(point => point.TrainingLoss));

            void Break(int at)
            {
                using var source = new CancellationTokenSource();
                var progress = new ProgressList(report =>
                {
                    if (report.Step >= at) source.Cancel();
                });
                Assert.Throws<OperationCanceledException>(() => model.Train(Data(), saving, progress, source.Token));
            }
        }
    }

    [Fact]
    public void A_checkpoint_is_a_folder_of_PEFT_and_belongs_to_its_model_and_options()
    {
        using var folder = new TemporaryDirectory();
        using var model = NewModel(WeightPrecision.Float32);
        var saving = Options with { Checkpoints = new(folder.Path) { Existing = ExistingCheckpoints.Resume }, KeepBest = false };
        var result = model.Train(Data(), saving, cancellationToken: Token);
        string latest = saving.Checkpoints.FindModels()[0];
        Assert.False(File.Exists(Path.Combine(Path.GetDirectoryName(latest)!, "model.safetensors")));
        var saved = LoraAdapter.Load(Path.GetDirectoryName(latest)!, Config);
        Assert.Equal(result.Adapter!.Matrices.Count, saved.Matrices.Count);
        foreach (var matrix in result.Adapter.Matrices)
        {
            var other = saved.Matrices.Single(each => each.Target == matrix.Target);
            Assert.Equal(matrix.Rank, other.Rank);
            Assert.Equal(matrix.B.ToArray(), other.B.ToArray());
        }

        using var other2 = GptModel.FromWeights(TinyModels.Weights(Config, seed: 2), TinyModels.Words);
        Assert.Contains("another model", Assert.Throws<ArgumentException>(
            () => other2.Train(Data(), saving, cancellationToken: Token)).Message, StringComparison.Ordinal);
        var wider = saving with { Lora = saving.Lora! with { Rank = 4 } };
        Assert.Contains("Lora", Assert.Throws<ArgumentException>(
            () => model.Train(Data(), wider, cancellationToken: Token)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("*")]
    public void A_head_of_scores_is_trained_in_full_or_has_an_adapter(string? targets)
    {
        using var model = NewModel(WeightPrecision.Float32);
        var random = new Random(1);
        TrainingSequence[] sequences = [.. Enumerable.Range(0, 40).Select(i => new TrainingSequence(
            Enumerable.Range(0, 3 + (i % 5)).Select(_ => random.Next(30) + (30 * (i % 2))).ToArray()) { Label = i % 2 })];
        var lora = new LoraOptions { Rank = 4, Targets = targets is null ? new LoraOptions().Targets : [targets] };
        var options = new TrainingOptions { Epochs = 6, BatchSize = 8, LearningRate = 2e-2, ScoreCount = 2, Lora = lora, ThreadCount = 2 };
        var result = model.Train(TrainingData.FromSequences(sequences, null, Config.ContextLength, 61), options, cancellationToken: Token);
        Assert.True(result.History.Points[^1].TrainingLoss < 0.3, $"{result.History.Points[^1].TrainingLoss}");
        Assert.Equal(2, result.Weights.Config.ScoreCount);
        Assert.Contains(WeightNames.Score, result.Adapter!.Weights.Keys);
        Assert.Equal(targets is not null, result.Adapter.Matrices.Any(matrix => matrix.Target == WeightNames.Score));
    }

    [Fact]
    public void Options_that_contradict_each_other_are_refused_by_name()
    {
        AssertRefused("FrozenWeights", Options with { FrozenWeights = ["trf_blocks.0.*"] });
        AssertRefused("'nothing'", Options with { Lora = new() { Targets = ["nothing"] } });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LoraOptions { Rank = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LoraOptions { Alpha = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LoraOptions { Dropout = 1 });

        static void AssertRefused(string mentioned, TrainingOptions options)
        {
            var error = Assert.Throws<ArgumentException>(
                () => TinyModels.Weights(Config, seed: 1).Train(Data(), options, cancellationToken: Token));
            Assert.Contains(mentioned, error.Message, StringComparison.Ordinal);
        }
    }

    private static TrainingData Data()
    {
        int[] ids = [.. Enumerable.Range(0, 240).Select(i => (i * i + (3 * i)) % 47)];
        return TrainingData.FromTokens(ids, Config.ContextLength, Config.VocabularySize, Options);
    }

    private static GptModel NewModel(WeightPrecision precision) => GptModel.FromWeights(
        TinyModels.Weights(Config, seed: 1), TinyModels.Words, new() { Precision = precision, ThreadCount = 2 }, cancellationToken: Token);

    private static float[] Read(IWeightSource weights, WeightEntry entry)
    {
        float[] elements = new float[entry.ElementCount];
        weights.Read(entry.Name, 0, elements);
        return elements;
    }

    internal static void AssertSame(LoraAdapter expected, LoraAdapter actual)
    {
        foreach (var (one, other) in expected.Matrices.Zip(actual.Matrices))
        {
            Assert.Equal((one.Target, one.Rank, one.Scale), (other.Target, other.Rank, other.Scale));
            Assert.Equal(one.A.ToArray(), other.A.ToArray());
            Assert.Equal(one.B.ToArray(), other.B.ToArray());
        }

        foreach (var (name, weight) in expected.Weights) Assert.Equal(weight, actual.Weights[name]);
    }
}
