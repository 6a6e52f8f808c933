using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>What an MLContext determines: the seed, the device, cancellation, and logging.</summary>
[Collection(TorchCollection.Name)]
public sealed class ContextTests : IDisposable
{
    private static readonly string[] Texts = [.. Enumerable.Range(0, 12).Select(i => TinyModels.Text(3 + (i * 5 % 37), i))];

    private static readonly GptTrainerOptions Training = new()
    {
        Config = GptPresets.Tiny, Tokenizer = TinyModels.Words,
        Training = new() { MaxSteps = 3, BatchSize = 4, EvaluationBatches = 1, WarmUpSteps = 0 },
    };

    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();

    public void Dispose() => _model.Dispose();

    [Fact]
    public void The_same_seed_trains_the_same_model_and_another_seed_another()
    {
        float Weight(MLContext ml, GptTrainerOptions options)
        {
            var weights = new float[1];
            ml.LanguageModeling.Trainers.Gpt(options).Fit(Rows.ToView(ml, Texts)).Model.Read("tok_emb.weight", 7, weights);
            return weights[0];
        }

        float seven = Weight(new(7), Training);
        Assert.Equal(seven, Weight(new(7), Training));
        Assert.NotEqual(seven, Weight(new(8), Training));
        Assert.Equal(seven, Weight(new(8), Training with { Seed = 7 })); // an explicit seed takes precedence over the context's
        Assert.Equal(seven, Weight(new(8), Training with { Training = Training.Training with { Seed = 7 } })); // wherever it is set
        Assert.Equal(seven, Weight(new(8), Training with { Seed = 7, Training = Training.Training with { Seed = 9 } }));
        // even if it is the default
        Assert.Equal(Weight(new(), Training), Weight(new(8), Training with { Training = Training.Training with { Seed = 123 } }));
        // and without both, the training's own
        Assert.Equal(seven, Weight(new(), Training with { Training = Training.Training with { Seed = 7 } }));
    }

    [Fact]
    public void The_same_seed_draws_the_same_texts_and_a_text_has_one_continuation()
    {
        string[] Generate(MLContext ml, int passes = 1)
        {
            var options = new GptTransformerOptions
            {
                Columns = new() { GeneratedText = "Continuation" },
                Generation = new() { MaxTokens = 8, Temperature = 1.5 },
            };
            var view = ml.LanguageModeling.FromModel(_model, options).Fit(Rows.ToView(ml, Texts)).Transform(Rows.ToView(ml, Texts));
            string[] texts = [];
            for (int i = 0; i < passes; i++)
            {
                string[] again = [.. view.GetColumn<string>("Continuation")];
                if (i > 0) Assert.Equal(texts, again);
                texts = again;
            }

            return texts;
        }

        Assert.Equal(Generate(new(3)), Generate(new(3)));
        Assert.NotEqual(Generate(new(3)), Generate(new(4)));
        Assert.NotEqual(Generate(new(), passes: 2), Generate(new(), passes: 2));
    }

    [Fact]
    public void Predicting_leaves_all_random_states_alone()
    {
        int Next(bool isUsed)
        {
            var ml = new MLContext(seed: 5);
            if (isUsed)
            {
                var data = Rows.ToView(_ml, Texts); // from another context, because ML.NET itself may draw while loading data
                var options = new GptTransformerOptions
                {
                    Columns = new() { GeneratedText = "Continuation" },
                    Generation = new() { MaxTokens = 3, Temperature = 1 },
                };
                var view = ml.LanguageModeling.FromModel(_model, options).Fit(data).Transform(data);
                _ = view.Preview();
                _ = ml.LanguageModeling.Evaluate(view);
                _ = ml.LanguageModeling.Trainers.Gpt(Training).Fit(data);
            }

            return ((IHostEnvironment)ml).Register("somebody else").Rand.Next();
        }

        Assert.Equal(Next(false), Next(true));

        LibTorch.EnsureLoaded();
        using var before = global::TorchSharp.torch.get_rng_state();
        _ = new GptTransformer(_model).Transform(Rows.ToView(_ml, Texts)).Preview();
        using var after = global::TorchSharp.torch.get_rng_state();
        Assert.True(before.equal(after).all().item<bool>());
    }

    [Fact]
    public void A_GPU_that_is_not_used_is_logged_or_refused()
    {
        var messages = new List<string>();
        var ml = new MLContext(1) { GpuDeviceId = 0, FallbackToCpu = true };
        ml.Log += (_, message) => messages.Add(message.Message);

        var transformer = ml.LanguageModeling.FromModel(_model).Fit(Rows.ToView(ml, Texts));
        _ = ml.LanguageModeling.Trainers.Gpt(Training).Fit(Rows.ToView(ml, Texts));

        string[] warnings = [.. messages.Where(message => message.Contains("Kind=Warning", StringComparison.Ordinal))];
        Assert.Contains(warnings, message => message.Contains("GptTransformer runs on the CPU", StringComparison.Ordinal));
        Assert.Contains(warnings, message => message.Contains("GptTrainer runs on the CPU", StringComparison.Ordinal));
        Assert.Equal(Texts.Length, Rows.Read(ml, transformer.Transform(Rows.ToView(ml, Texts))).Length);

        ml.FallbackToCpu = false;
        Assert.Contains(
            "GpuDeviceId is 0",
            Assert.Throws<InvalidOperationException>(() => ml.LanguageModeling.FromModel(_model)).Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => ml.LanguageModeling.Trainers.Gpt(Training).Fit(Rows.ToView(ml, Texts)));
    }

    [Fact]
    public void There_is_no_warning_if_no_GPU_is_requested()
    {
        var messages = new List<string>();
        _ml.Log += (_, message) => messages.Add(message.Message);

        _ = _ml.LanguageModeling.FromModel(_model).Fit(Rows.ToView(_ml, Texts));

        Assert.Empty(messages);
    }

    [Fact]
    public void A_token_stops_a_cursor_between_rows()
    {
        using var cancellation = new CancellationTokenSource();
        var view = new GptTransformer(_model).Transform(Rows.ToView(_ml, Texts), cancellation.Token);
        using var cursor = view.GetRowCursor([view.Schema["Perplexity"]]);
        var get = cursor.GetGetter<double>(view.Schema["Perplexity"]);
        double value = 0;
        Assert.True(cursor.MoveNext());
        get(ref value);

        cancellation.Cancel();

        Assert.True(double.IsFinite(value));
        Assert.Throws<OperationCanceledException>(() => cursor.MoveNext());
        Assert.Throws<OperationCanceledException>(() => view.GetRowCursor([view.Schema["Perplexity"]]));
    }

    [Theory]
    [InlineData("Perplexity")]
    [InlineData("Continuation")]
    public void A_token_stops_a_cursor_within_a_row(string column)
    {
        using var cancellation = new CancellationTokenSource();
        // once the row's work has begun
        using var model = TinyModels.Create(new CountingTokenizer(TinyModels.Words, encoded: cancellation.Cancel));
        var options =
            new GptTransformerOptions { Columns = new() { GeneratedText = "Continuation" }, Generation = new() { MaxTokens = 1000 } };
        var view = new GptTransformer(model, options).Transform(Rows.ToView(_ml, TinyModels.Text(5000, 1)), cancellation.Token);
        using var cursor = view.GetRowCursor([view.Schema[column]]);
        Assert.True(cursor.MoveNext());

        Assert.ThrowsAny<OperationCanceledException>(() => Read(cursor, view.Schema[column]));

        static void Read(DataViewRow row, DataViewSchema.Column column)
        {
            double number = 0;
            ReadOnlyMemory<char> text = default;
            if (column.Type is TextDataViewType) row.GetGetter<ReadOnlyMemory<char>>(column)(ref text);
            else row.GetGetter<double>(column)(ref number);
        }
    }

    [Fact]
    public void Evaluate_reports_its_progress_and_can_be_stopped()
    {
        var view = new GptTransformer(_model).Transform(Rows.ToView(_ml, Texts));
        var reports = new List<LanguageModelMetrics>();
        var messages = new List<string>();
        _ml.Log += (_, message) => messages.Add(message.Message);

        var metrics = _ml.LanguageModeling.Evaluate(view, progress: new Reporter<LanguageModelMetrics>(reports.Add));

        Assert.Equal(Enumerable.Range(1, Texts.Length).Select(count => (long)count), reports.Select(report => report.DocumentCount));
        Assert.Equal(metrics.ToExactString(), reports[^1].ToExactString());
        Assert.Contains(messages, message => message.Contains("nats per token", StringComparison.Ordinal));

        using var cancellation = new CancellationTokenSource();
        var stopping = new Reporter<LanguageModelMetrics>(report => { if (report.DocumentCount == 3) cancellation.Cancel(); });
        Assert.Throws<OperationCanceledException>(
            () => _ml.LanguageModeling.Evaluate(view, progress: stopping, cancellationToken: cancellation.Token));
    }

    [Fact]
    public void ML_NETs_own_cancellation_stops_training()
    {
        var ml = new MLContext(1);
        int last = 0;
        var progress = new Reporter<TrainingProgress>(report =>
        {
            last = report.Step;
            if (report.Step == 2) CancelExecution(ml);
        });
        var trainer = ml.LanguageModeling.Trainers.Gpt(
            Training with { Training = Training.Training with { MaxSteps = 50, Epochs = 100 }, Progress = progress });

        Assert.Throws<OperationCanceledException>(() => trainer.Fit(Rows.ToView(ml, Texts)));
        Assert.Equal(2, last);
    }

    [Fact]
    public void ML_NETs_own_cancellation_stops_cursors_and_evaluations()
    {
        var ml = new MLContext(1);
        var view = ml.LanguageModeling.FromModel(_model).Fit(Rows.ToView(ml, Texts)).Transform(Rows.ToView(ml, Texts));
        using var cursor = view.GetRowCursor([view.Schema["Perplexity"]]);
        Assert.True(cursor.MoveNext());

        CancelExecution(ml);

        double value = 0;
        Assert.Throws<OperationCanceledException>(() => cursor.GetGetter<double>(view.Schema["Perplexity"])(ref value));
        Assert.Throws<OperationCanceledException>(() => cursor.MoveNext());
        Assert.Throws<OperationCanceledException>(
            () => ml.LanguageModeling.Evaluate(new GptTransformer(_model).Transform(Rows.ToView(ml, Texts))));
        Assert.Throws<OperationCanceledException>(
            () => ml.LanguageModeling.CrossValidate(Rows.ToView(ml, Texts), ml.LanguageModeling.FromModel(_model)));
    }

    // Internal in ML.NET, whose AutoML calls it.
    private static void CancelExecution(MLContext ml) =>
        typeof(MLContext).GetMethod("CancelExecution", BindingFlags.NonPublic | BindingFlags.Instance)!.Invoke(ml, null);

    private sealed class Reporter<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
