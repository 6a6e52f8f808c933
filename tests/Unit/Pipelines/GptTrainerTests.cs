using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Tests.TorchSharp;

namespace MLNet.Gpt.Tests.Pipelines;

[Collection(TorchCollection.Name)]
public class GptTrainerTests
{
    // In these texts each word is always followed by the same word, so that there is something to learn.
    private static readonly string[] Texts = [.. Enumerable.Range(0, 12).Select(
        i => string.Join(' ', Enumerable.Range(0, 40).Select(t => $"w{(i + (7 * t)) % 60}")))];

    private static readonly GptTrainerOptions Options = new()
    {
        Config = GptPresets.Tiny,
        Tokenizer = TinyModels.Words,
        Training = new()
        {
            Epochs = 12, BatchSize = 4, LearningRate = 5e-3, Decay = LearningRateDecay.None, WarmUpSteps = 0,
            ValidationFraction = 0.1,
        },
    };

    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void Fit_learns_and_its_transformer_measures_and_predicts()
    {
        var data = Rows.ToView(_ml, Texts);
        var trainer = _ml.LanguageModeling.Trainers.Gpt(Options);

        var transformer = trainer.Fit(data);

        var metrics = _ml.LanguageModeling.Evaluate(transformer.Transform(data));
        Assert.InRange(metrics.CrossEntropy, 0, 0.5 * metrics.UniformCrossEntropy);
        Assert.True(trainer.History!.Last.ValidationLoss < trainer.History.First.ValidationLoss);
        using var engine = _ml.Model.CreatePredictionEngine<Rows.Input, Rows.Output>(transformer);
        Assert.Equal("w21", engine.Predict(new() { Text = "w0 w7 w14" }).PredictedToken);
    }

    [Fact]
    public void A_model_may_have_more_rows_than_the_tokenizer_has_ids_or_fewer()
    {
        var messages = new List<string>();
        _ml.Log += (_, e) => messages.Add($"{e.Kind}: {e.Message}");
        var options = Options with { Training = Options.Training with { MaxSteps = 2 } };
        var padded = options with { Config = options.Config with { VocabularySize = 64 } };
        using var transformer = _ml.LanguageModeling.Trainers.Gpt(padded).Fit(Rows.ToView(_ml, Texts));
        Assert.Equal(64, transformer.Model.Config.VocabularySize);
        Assert.Equal("[PAD63]", transformer.Model.Tokenizer.Decode([63]));
        Assert.Contains(messages, message => message.Contains("Warning] The tokenizer has 61 ids", StringComparison.Ordinal));

        // w0 to w9 have the first ids.
        string[] few = ["w0 w1 w2 w3 w0 w1 w2 w3 w0 w1 w2 w3"], more = ["w0 w1 w2 w3 w59"];
        var small = options with
        {
            Config = options.Config with { VocabularySize = 10 }, Training = options.Training with { ValidationFraction = 0 },
        };
        using var trained = _ml.LanguageModeling.Trainers.Gpt(small).Fit(Rows.ToView(_ml, few));
        Assert.Equal(10, trained.Model.Config.VocabularySize);
        var error = Assert.Throws<ArgumentException>(() => _ml.LanguageModeling.Trainers.Gpt(small).Fit(Rows.ToView(_ml, more)));
        Assert.Contains("'w59' with the id 59", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_works_in_a_chain()
    {
        var data = Rows.ToView(_ml, Texts);
        var options = Options with { Training = Options.Training with { MaxSteps = 2 }, Transformer = new() { InputColumnName = "Copy" } };

        var model = _ml.Transforms.CopyColumns("Copy", "Text").Append(_ml.LanguageModeling.Trainers.Gpt(options)).Fit(data);

        Assert.Equal(Texts.Length, Rows.Read(_ml, model.Transform(data)).Length);
    }

    [Fact]
    public void The_same_options_give_the_same_model()
    {
        var data = Rows.ToView(_ml, Texts);
        var options = Options with { Training = Options.Training with { MaxSteps = 5 } };

        var models = Enumerable.Range(0, 2).Select(_ => new MLContext().LanguageModeling.Trainers.Gpt(options).Fit(data)).ToArray();

        Assert.Equivalent(Rows.Read(_ml, models[0].Transform(data)), Rows.Read(_ml, models[1].Transform(data)));
    }

    [Fact]
    public void A_separate_validation_set_is_measured_not_learned()
    {
        var trainer = _ml.LanguageModeling.Trainers.Gpt(Options with { Training = Options.Training with { EvaluationBatches = null } });

        var transformer = trainer.Fit(Rows.ToView(_ml, Texts[..8]), Rows.ToView(_ml, Texts[8]));

        var metrics = _ml.LanguageModeling.Evaluate(transformer.Transform(Rows.ToView(_ml, Texts[8])));
        Assert.Equal(metrics.CrossEntropy, trainer.History!.Last.ValidationLoss!.Value, 1e-4);
    }

    [Fact]
    public void Evaluations_are_logged_and_every_step_is_reported()
    {
        var messages = new List<string>();
        _ml.Log += (_, message) => messages.Add(message.Message);
        var steps = new List<int>();
        var options = Options with
        {
            Training = Options.Training with { MaxSteps = 6, EvaluationInterval = 3 },
            Progress = new Reporter(progress => steps.Add(progress.Step)),
        };

        _ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(_ml, Texts));

        Assert.Equal(Enumerable.Range(0, 7), steps);
        Assert.Equal(3, messages.Count(message => message.Contains("validation loss", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_first_step_and_evaluations_are_logged_as_information_without_a_progress()
    {
        var messages = new List<string>();
        _ml.Log += (_, message) =>
        {
            bool isOurs = message.Source.StartsWith("GptTrainer", StringComparison.Ordinal);
            if (isOurs && message.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Info) messages.Add(message.RawMessage);
        };
        var training = Options.Training with { MaxSteps = 6, EvaluationInterval = 3, ValidationFraction = 0 };
        _ml.LanguageModeling.Trainers.Gpt(Options with { Training = training }).Fit(Rows.ToView(_ml, Texts));

        Assert.Equal(6, messages.Count);
        Assert.Contains("tokens per epoch", messages[0], StringComparison.Ordinal);
        Assert.Contains("Step 0 of 6, epoch 1: training loss", messages[1], StringComparison.Ordinal);
        Assert.Contains("Step 1 of 6, epoch 1: loss of the batch", messages[2], StringComparison.Ordinal);
        Assert.Contains("Step 3 of 6", messages[3], StringComparison.Ordinal);
        Assert.Contains("Step 6 of 6", messages[4], StringComparison.Ordinal);
        Assert.Contains("ended after 6 steps", messages[5], StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_checkpoint_is_logged_as_a_warning()
    {
        using var folder = new TemporaryDirectory();
        var checkpoints = new CheckpointOptions(folder.Path) { Interval = 2, Existing = ExistingCheckpoints.Resume };
        var options = Options with { Training = Options.Training with { MaxSteps = 4, Checkpoints = checkpoints } };
        _ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(_ml, Texts));
        File.Delete(Path.Combine(folder.Path, "checkpoint-4", "model.safetensors"));
        var warnings = new List<string>();
        _ml.Log += (_, message) =>
        {
            if (message.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning) warnings.Add(message.RawMessage);
        };
        _ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(_ml, Texts));
        Assert.Contains("checkpoint-4", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_token_is_trained_on_unless_some_are_held_out()
    {
        int tokens = Texts.Length * 41 - 1; // 40 words, and the end of text between two texts
        Assert.Equal(tokens - 1, Learned(0, out var without));
        Assert.Null(without.Last.ValidationLoss);
        Assert.Equal(tokens - (tokens / 10) - 1, Learned(0.1, out var with));
        Assert.NotNull(with.Last.ValidationLoss);

        long Learned(double fraction, out TrainingHistory history)
        {
            var defaults = new GptTrainerOptions { Config = Options.Config, Tokenizer = Options.Tokenizer };
            var trainer = _ml.LanguageModeling.Trainers.Gpt(
                fraction == 0 ? defaults : defaults with { Training = new() { ValidationFraction = fraction } });
            trainer.Fit(Rows.ToView(_ml, Texts));
            history = trainer.History!;
            return history.Last.TokensSeen / new TrainingOptions().Epochs;
        }
    }

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public void Without_steps_the_initial_model_is_returned_bit_for_bit(WeightPrecision precision)
    {
        using var initial = GptModel.FromWeights(
            WeightInitializer.Create(GptPresets.Tiny, 5), TinyModels.Words, new() { Precision = precision });
        var options = new GptTrainerOptions { InitialModel = initial, Training = new() { MaxSteps = 0 } };
        var trainer = _ml.LanguageModeling.Trainers.Gpt(options);

        using var trained = trainer.Fit(Rows.ToView(_ml, Texts));

        Assert.NotSame(initial, trained.Model);
        Assert.True(trained.OwnsModel);
        Assert.Equal(initial.Options, trained.Model.Options);
        ModuleNetworkTests.AssertEqual(initial, trained.Model);
        int[] ids = [1, 2, 3, 4, 5];
        Assert.Equal(initial.ComputeLogits(ids), trained.Model.ComputeLogits(ids));
        Assert.Equal(0, trainer.History!.Last.Step);
    }

    [Fact]
    public void Training_in_two_parts_continues_from_the_first()
    {
        var data = Rows.ToView(_ml, Texts);
        var trainer = _ml.LanguageModeling.Trainers.Gpt(Options);
        using var first = trainer.Fit(data);
        var second = _ml.LanguageModeling.Trainers.Gpt("Text", first.Model, epochs: 1);

        using var tuned = second.Fit(data);

        Assert.Equal(first.Model.Config, tuned.Model.Config);
        Assert.Same(TinyModels.Words, tuned.Model.Tokenizer);
        Assert.Equal(trainer.History!.Last.TrainingLoss, second.History!.First.TrainingLoss, 0.2);
        Assert.NotEqual(first.Model.ComputeLogits([1]), tuned.Model.ComputeLogits([1]));
    }

    [Fact]
    public void A_file_can_be_the_initial_model()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "model.safetensors");
        using var initial = GptModel.FromWeights(WeightInitializer.Create(GptPresets.Tiny, 5), TinyModels.Words);
        GptCheckpoint.Save(path, initial, TinyModels.Words);
        var options = new GptTrainerOptions { InitialModelPath = path, Training = new() { MaxSteps = 0 } };
        var trainer = _ml.LanguageModeling.Trainers.Gpt(options);

        using var trained = trainer.Fit(Rows.ToView(_ml, Texts));

        Assert.Equal(initial.ComputeLogits([1, 2, 3]), trained.Model.ComputeLogits([1, 2, 3]));
        Assert.Equal(initial.Tokenizer.Encode(Texts[0]), trained.Model.Tokenizer.Encode(Texts[0]));

        using var other = GptModel.FromWeights(WeightInitializer.Create(GptPresets.Tiny with { LayerCount = 1 }, 5), TinyModels.Words);
        GptCheckpoint.Save(path, other, TinyModels.Words);
        var replaced = Assert.Throws<InvalidOperationException>(() => trainer.Fit(Rows.ToView(_ml, Texts)));
        Assert.Contains("has another model than when the trainer was created", replaced.Message, StringComparison.Ordinal);
        var both = Assert.Throws<ArgumentException>(() => _ml.LanguageModeling.Trainers.Gpt(options with { InitialModel = initial }));
        Assert.Contains("can only start from one", both.Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(
            () => _ml.LanguageModeling.Trainers.Gpt(new GptTrainerOptions { InitialModelPath = path + ".missing" }));
    }

    [Fact]
    public void The_best_weights_need_validation_data()
    {
        var options = Options with { Training = Options.Training with { ValidationFraction = 0, KeepBest = true, MaxSteps = 2 } };
        Assert.Contains("KeepBest needs validation data", Refused<ArgumentException>(options, Texts), StringComparison.Ordinal);
        _ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(_ml, Texts), Rows.ToView(_ml, Texts[..2]));
    }

    [Fact]
    public void Special_tokens_spelled_out_in_rows_are_text_by_default()
    {
        // A vocabulary with an end of text, whose spelling as plain text is an unknown word.
        var tokenizer = new WordTokenizer(["a", "b", "?", "<|endoftext|>"], unknownWord: "?", endOfText: "<|endoftext|>");
        var options = Options with
        {
            Config = Options.Config with { VocabularySize = 4 }, Tokenizer = tokenizer,
            Training = Options.Training with { MaxSteps = 1 },
        };
        var data = Rows.ToView(_ml, ["a b <|endoftext|> a b", "b a"]);

        var literal = _ml.LanguageModeling.Trainers.Gpt(options).Fit(data);
        var recognized = _ml.LanguageModeling.Trainers.Gpt(options with { Transformer = new() { Scoring = ScoringOptions.Lecture } })
            .Fit(data);
        var withWord = _ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(_ml, ["a b ? a b", "b a"]));

        ModuleNetworkTests.AssertEqual(withWord.Model, literal.Model); // training
        Assert.Throws<Xunit.Sdk.EqualException>(() => ModuleNetworkTests.AssertEqual(recognized.Model, literal.Model));
        double[] losses = [.. literal.Transform(data).GetColumn<double>("CrossEntropy")]; // scoring
        Assert.Equal(losses, literal.Transform(Rows.ToView(_ml, ["a b ? a b", "b a"])).GetColumn<double>("CrossEntropy"));
        Assert.NotEqual(losses[0], recognized.Transform(data).GetColumn<double>("CrossEntropy").First());
    }

    [Fact]
    public void A_vocabulary_of_four_tokens_is_enough_without_candidates()
    {
        var options = Options with
        {
            Config = Options.Config with { VocabularySize = 4 },
            Tokenizer = new WordTokenizer(["the", "whale", "sea", "a"]),
            Training = Options.Training with { MaxSteps = 1, ValidationFraction = 0 },
        };
        string[] texts = ["the whale a sea the whale"];
        var row = Rows.Read(
            _ml,
            _ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(_ml, texts)).Transform(Rows.ToView(_ml, texts))).Single();
        Assert.Contains(row.PredictedToken, (string[])["the", "whale", "sea", "a"]);
        string message = Refused<ArgumentException>(
            options with { Transformer = new() { Columns = new() { CandidateTokens = "Candidates" } } }, texts);
        Assert.Contains("CandidateCount is 5", message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_can_be_canceled()
    {
        using var cancellation = new CancellationTokenSource();
        var options = Options with
        {
            CancellationToken = cancellation.Token,
            Progress = new Reporter(progress => { if (progress.Step == 2) cancellation.Cancel(); }),
        };

        Assert.Throws<OperationCanceledException>(() => _ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(_ml, Texts)));
    }

    [Fact]
    public void Its_schema_is_that_of_its_transformer()
    {
        var data = Rows.ToView(_ml, Texts);
        var trainer = _ml.LanguageModeling.Trainers.Gpt(Options with { Training = Options.Training with { MaxSteps = 1 } });

        var predicted = trainer.GetOutputSchema(SchemaShapes.Of(data.Schema)).Select(SchemaShapes.Describe);

        Assert.Equal(
            SchemaShapes.Of(trainer.Fit(data).GetOutputSchema(data.Schema)).Select(SchemaShapes.Describe).Order(),
            predicted.Order());
    }

    [Fact]
    public void Bad_input_is_named()
    {
        Assert.Contains(
            "'Body'",
            Refused<ArgumentOutOfRangeException>(Options with { Transformer = new() { InputColumnName = "Body" } }, Texts),
            StringComparison.Ordinal);
        Assert.Contains("'Text' have 1 token in", Refused<ArgumentException>(Options, ["w1", ""]), StringComparison.Ordinal);
        Assert.Contains("61", Refused<ArgumentException>(Options with { Config = GptPresets.Gpt2Small }, Texts), StringComparison.Ordinal);
        var half = Options with { Config = Options.Config with { VocabularySize = 123 } };
        Assert.Contains("at most 122", Refused<ArgumentException>(half, Texts), StringComparison.Ordinal);
        Assert.Contains("w99", Refused<ArgumentException>(Options, ["w1 w99"]), StringComparison.Ordinal);
    }

    private string Refused<T>(GptTrainerOptions options, string[] texts)
        where T : Exception => Assert.Throws<T>(() => _ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(_ml, texts))).Message;

    private sealed class Reporter(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
