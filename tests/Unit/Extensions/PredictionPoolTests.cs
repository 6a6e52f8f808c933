using System.Reflection;
using Microsoft.ML;
using MLNet.Gpt.Extensions;
using MLNet.Gpt.Tests.Pipelines;

namespace MLNet.Gpt.Tests.Extensions;

public sealed class PredictionPoolTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlnet-gpt-pool").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Many_threads_get_the_same_results_as_one_engine()
    {
        var ml = new MLContext();
        using var model = TinyModels.Create();
        using var pool = new PredictionPool<Input, Output>(Pipeline(ml, model), ml);
        using var engine = ml.Model.CreatePredictionEngine<Input, Output>(
            Pipeline(ml, model), new PredictionEngineOptions { OwnsTransformer = false });
        string[] texts = [.. Enumerable.Range(0, 400).Select(i => TinyModels.Text(1 + (i % 9), i))];

        var answers = await Task.WhenAll(texts.Select(text => Task.Run(() => pool.Predict(new() { Text = text }))));

        Assert.Equal(texts.Select(text => engine.Predict(new() { Text = text })), answers);
    }

    [Fact]
    public void A_saved_pipeline_is_loaded_and_a_missing_one_is_named()
    {
        var ml = new MLContext();
        using var model = TinyModels.Create();
        var pipeline = Pipeline(ml, model);
        string path = Path.Combine(_folder, "pipeline.zip");
        ml.Model.Save(pipeline, ml.Data.LoadFromEnumerable(Array.Empty<Input>()).Schema, path);

        using var pool = PredictionPool<Input, Output>.Load(path);
        using var direct = new PredictionPool<Input, Output>(pipeline);

        Assert.Equal(direct.Predict(new() { Text = "w1 w2" }), pool.Predict(new() { Text = "w1 w2" }));
        Assert.Contains(
            "none.zip",
            Assert.ThrowsAny<IOException>(() => PredictionPool<Input, Output>.Load(Path.Combine(_folder, "none.zip"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Types_that_do_not_fit_the_pipeline_are_refused_when_the_pool_is_created()
    {
        using var model = TinyModels.Create();
        var error = Assert.ThrowsAny<Exception>(() => new PredictionPool<OtherInput, Output>(Pipeline(new MLContext(), model)));
        Assert.Contains("Text", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void After_disposal_it_throws_and_the_pipeline_still_works()
    {
        using var model = TinyModels.Create();
        var pipeline = Pipeline(new MLContext(), model);
        var pool = new PredictionPool<Input, Output>(pipeline);
        pool.Dispose();

        Assert.Throws<ObjectDisposedException>(() => pool.Predict(new() { Text = "w1" }));
        using var other = new PredictionPool<Input, Output>(pipeline);
        Assert.NotEmpty(other.Predict(new() { Text = "w1" }).PredictedToken);
    }

    [Fact]
    public void A_canceled_call_stops_computing_and_the_pool_serves_the_next()
    {
        using var model = TinyModels.Create();
        var pipeline = Pipeline(new MLContext(), model);
        using var pool = new PredictionPool<Input, Output>(pipeline);
        using var client = new CancellationTokenSource();
        int passes = 0;
        pipeline.Scorer.PassStarting = (_, _) =>
        {
            passes++;
            client.Cancel(); // the client disconnects during the first pass of many
        };

        Assert.ThrowsAny<OperationCanceledException>(() => pool.Predict(new() { Text = TinyModels.Text(10_000, 1) }, client.Token));
        Assert.Equal(1, passes);
        Assert.ThrowsAny<OperationCanceledException>(() => pool.Predict(new() { Text = "w1" }, client.Token));
        Assert.Equal(1, passes);

        pipeline.Scorer.PassStarting = null;
        Assert.NotEmpty(pool.Predict(new() { Text = "w1" }).PredictedToken);
        using var other = new CancellationTokenSource();
        Assert.NotEmpty(pool.Predict(new() { Text = "w2" }, other.Token).PredictedToken);
    }

    [Fact]
    public void The_token_of_one_call_does_not_cancel_another()
    {
        var ml = new MLContext();
        using var model = TinyModels.Create();
        using var engine = ml.Model.CreatePredictionEngine<Input, Output>(Pipeline(ml, model));
        using var gone = new CancellationTokenSource();

        Assert.NotEmpty(engine.Predict(new() { Text = "w1" }, gone.Token).PredictedToken);
        gone.Cancel();

        Assert.Throws<OperationCanceledException>(() => engine.Predict(new() { Text = "w2" }, gone.Token));
        Assert.NotEmpty(engine.Predict(new() { Text = "w2" }).PredictedToken); // the same engine, and the same thread
        Assert.NotEmpty(engine.Predict(new() { Text = "w3" }, CancellationToken.None).PredictedToken);
    }

    [Fact]
    public void An_engine_in_use_while_the_pool_is_disposed_finishes_its_call()
    {
        PredictionPool<Input, Output>? pool = null;
        using var model = TinyModels.Create(new CountingTokenizer(TinyModels.Words, encoded: () => pool?.Dispose()));
        pool = new PredictionPool<Input, Output>(Pipeline(new MLContext(), model));

        Assert.NotEmpty(pool.Predict(new() { Text = "w1" }).PredictedToken);
        Assert.Throws<ObjectDisposedException>(() => pool.Predict(new() { Text = "w1" }));
    }

    [Fact]
    public async Task No_engine_is_kept_if_calls_return_while_the_pool_is_being_disposed()
    {
        using var model = TinyModels.Create();
        for (int round = 0; round < 20; round++)
        {
            var pool = new PredictionPool<Input, Output>(Pipeline(new MLContext(), model));
            var idle = (Stack<PredictionEngine<Input, Output>>)pool.GetType()
                .GetField("_idle", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(pool)!;
            using var start = new Barrier(5);
            var calls = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            {
                start.SignalAndWait();
                try
                {
                    for (int i = 0; i < 50; i++) pool.Predict(new() { Text = $"w{i}" });
                }
                catch (ObjectDisposedException)
                {
                    // the pool was disposed between two calls
                }
            })).ToArray();
            start.SignalAndWait();
            if (round % 2 == 1) await Task.Yield();
            pool.Dispose();
            await Task.WhenAll(calls);

            Assert.Empty(idle);
        }
    }

    private static GptTransformer Pipeline(MLContext ml, GptModel model) =>
        ml.LanguageModeling.FromModel(model, "Text").Fit(ml.Data.LoadFromEnumerable(Array.Empty<Input>()));

    private sealed class Input
    {
        public string Text { get; set; } = string.Empty;
    }

    private sealed class OtherInput
    {
        public float Number { get; set; }
    }

    private sealed record Output
    {
        public string PredictedToken { get; set; } = string.Empty;

        public float Probability { get; set; }
    }
}
