using MLNet.Gpt.Formats;
using MLNet.Gpt.Numerics.Memory;

namespace MLNet.Gpt.Tests.Inference;

/// <summary>
/// Progress and cancellation of everything that reads or converts weights, and results in the caller's memory.
/// </summary>
[Collection("alone")] // blocks of native memory are counted
public sealed class LoadingTests : IDisposable
{
    private static readonly GptConfig Config = GptModelTests.Odd;
    private static readonly CountingTokenizer Tokenizer = new(Config.VocabularySize);

    private readonly TemporaryDirectory _directory = new();
    private readonly string _path;

    public LoadingTests()
    {
        _path = Path.Combine(_directory.Path, "model.safetensors");
        GptModelExporter.Export(_path, RandomWeights.Of(Config), tokenizer: null);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Progress_rises_to_1_and_the_model_equals_that_of_Load()
    {
        var steps = new Recorder();
        using var model = await GptModel.LoadAsync(_path, tokenizer: Tokenizer, progress: steps, cancellationToken: Cancellation);
        using var expected = GptModel.Load(_path, tokenizer: Tokenizer);
        int[] ids = RandomWeights.Ids(Config, 20);

        Assert.Equal(expected.ComputeLogits(ids, Cancellation), model.ComputeLogits(ids, Cancellation));
        Assert.Equal(steps.Fractions.Order(), steps.Fractions);
        Assert.Equal(1 + (4 * Config.LayerCount), steps.Fractions.Count);
        Assert.Equal(1, steps.Fractions[^1]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public async Task A_canceled_load_frees_everything(int reports)
    {
        long before = Settled();
        using var source = new CancellationTokenSource();
        var steps = new Recorder(count =>
        {
            if (count == reports) source.Cancel();
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => GptModel.LoadAsync(_path, tokenizer: Tokenizer, progress: steps, cancellationToken: source.Token));
        Assert.Equal(reports, steps.Fractions.Count);
        Assert.True(Settled() <= before, $"{Settled()} blocks of native memory after, {before} before");
        File.Move(_path, _path + ".moved"); // the file is closed, or Windows would refuse
    }

    [Fact]
    public void An_error_in_the_tokenizer_frees_the_weights_that_are_packed_meanwhile()
    {
        string folder = Path.Combine(_directory.Path, "model");
        GptModelExporter.Export(folder, RandomWeights.Of(Config), tokenizer: null);
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), "{ \"model\": 1 }");
        long before = Settled();

        Assert.Throws<InvalidDataException>(() => GptModel.Load(folder));
        Assert.Throws<ArgumentException>("tokenizer", () => GptModel.Load(_path));
        Assert.True(Settled() <= before, $"{Settled()} blocks of native memory after, {before} before");
        File.Move(_path, _path + ".moved"); // the file is closed, or Windows would refuse
    }

    [Fact]
    public async Task A_model_is_exported_and_loaded_again_without_blocking()
    {
        using var model = TinyModels.Create();
        string path = Path.Combine(_directory.Path, "tiny.safetensors");
        await model.ExportAsync(path, cancellationToken: Cancellation);
        using var loaded = await GptModel.LoadAsync(path, cancellationToken: Cancellation);

        Assert.Equal(model.ComputeLogits([1, 2, 3], Cancellation), loaded.ComputeLogits([1, 2, 3], Cancellation));
        string other = Path.Combine(_directory.Path, "other.safetensors");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.ExportAsync(other, cancellationToken: new(canceled: true)));
        Assert.False(File.Exists(other));
    }

    [Fact]
    public void A_canceled_conversion_frees_everything_and_leaves_the_model()
    {
        using var model = GptModel.Load(_path, tokenizer: Tokenizer);
        int[] ids = RandomWeights.Ids(Config, 20);
        float[] expected = model.ComputeLogits(ids, Cancellation);
        long before = Settled();
        using var source = new CancellationTokenSource();

        var steps = new Recorder(_ => source.Cancel());
        Assert.ThrowsAny<OperationCanceledException>(() => model.Quantize(WeightPrecision.Int8, steps, source.Token));
        Assert.True(Settled() <= before, $"{Settled()} blocks of native memory after, {before} before");
        Assert.Equal(expected, model.ComputeLogits(ids, Cancellation));
    }

    [Fact]
    public async Task A_call_that_is_canceled_before_it_begins_does_nothing()
    {
        var canceled = new CancellationToken(canceled: true);
        using var model = GptModel.Load(_path, tokenizer: Tokenizer);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => GptModel.LoadAsync("no such file", cancellationToken: canceled));
        Assert.ThrowsAny<OperationCanceledException>(() => GptModel.Load("no such file", cancellationToken: canceled));
        var weights = RandomWeights.Of(Config);
        Assert.ThrowsAny<OperationCanceledException>(() => GptModel.FromWeights(weights, Tokenizer, cancellationToken: canceled));
        Assert.ThrowsAny<OperationCanceledException>(() => model.ComputeLogits([1], canceled));
        Assert.ThrowsAny<OperationCanceledException>(() => model.ComputeHiddenStates([1], new float[Config.EmbeddingWidth], canceled));
    }

    [Fact]
    public void Logits_and_hidden_states_go_to_the_callers_memory()
    {
        using var model = GptModel.Load(_path, tokenizer: Tokenizer);
        int[] ids = RandomWeights.Ids(Config, 7);
        float[] logits = new float[(7 * Config.VocabularySize) + 1], states = new float[(7 * Config.EmbeddingWidth) + 1];
        logits[^1] = states[^1] = 42;

        model.ComputeLogits(ids, logits, Cancellation);
        model.ComputeHiddenStates(ids, states, Cancellation);

        Assert.Equal([.. model.ComputeLogits(ids, Cancellation), 42], logits);
        Assert.Equal([.. model.ComputeHiddenStates(ids, Cancellation), 42], states);
        var error = Assert.Throws<ArgumentException>("destination", () => model.ComputeLogits(ids, new float[10], Cancellation));
        Assert.Contains("room for 10 numbers; the results are 7 × 131 = 917", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("destination", () => model.ComputeHiddenStates(ids, new float[10], Cancellation));
    }

    [Fact]
    public void The_text_of_a_model_or_session_states_its_sizes()
    {
        using var model = GptModel.Load(_path, tokenizer: Tokenizer);
        using var session = model.CreateSession();
        session.Append([1, 2, 3], Cancellation);

        Assert.Equal("GPT of 0.1M parameters (2 layers, width 39, context 300, vocabulary 131), Float32", model.ToString());
        Assert.Equal("3 of 300 tokens", session.ToString());
    }

    public void Dispose() => _directory.Dispose();

    // Collects what earlier tests left, so that only live memory counts.
    private static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return NativeBlock.LiveCount;
    }

    private sealed class Recorder(Action<int>? reported = null) : IProgress<double>
    {
        public List<double> Fractions { get; } = [];

        public void Report(double value)
        {
            Fractions.Add(value);
            reported?.Invoke(Fractions.Count);
        }
    }
}
