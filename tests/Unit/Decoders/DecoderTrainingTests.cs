using MLNet.Gpt.Formats;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tests.Training;

namespace MLNet.Gpt.Tests.Decoders;

/// <summary>Training decoders other than GPT-2 with the managed engine.</summary>
public sealed class DecoderTrainingTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("llama-biases")]
    [InlineData("llama-feed-forward-biases")]
    [InlineData("mistral")]
    [InlineData("qwen3")]
    [InlineData("gemma2")]
    [InlineData("gemma3")]
    [InlineData("nanogpt")]
    public void Canceled_training_resumes_bit_for_bit(string name)
    {
        var config = LibraryDecoder.Config(DecoderFamilies.Named(name) with
        {
            VocabularySize = 61, ContextLength = 16, Width = 32, HeadCount = 4, HeadSize = 8, FeedForwardWidth = 48, Window = name switch
            {
                "mistral" or "gemma2" or "gemma3" => 5,
                _ => null,
            },
            KeyValueHeadCount = name == "nanogpt" ? 4 : 2,
        }) with
        {
            DropoutRate = 0.1,
        };
        var options = CheckpointTests.Options(Engines.Managed);
        var data = TrainingData.FromTokens(TrainerTests.Tokens(180), config.ContextLength, config.VocabularySize, options);
        var whole = WeightInitializer.Create(config, seed: 1).Train(data, options, cancellationToken: Cancellation);
        Assert.True(whole.History.Points[^1].TrainingLoss < whole.History.Points[0].TrainingLoss);

        foreach (int step in new[] { 1, 4, 7 })
        {
            string folder = Path.Combine(_directory.Path, $"{step}");
            var saving = options with { Checkpoints = new(folder) { Interval = 1000, Existing = ExistingCheckpoints.Resume } };
            using var source = new CancellationTokenSource();
            var progress = new ProgressList(report =>
            {
                if (report.Step >= step) source.Cancel();
            });
            var weights = WeightInitializer.Create(config, seed: 1);
            Assert.Throws<OperationCanceledException>(() => weights.Train(data, saving, progress, source.Token));
            var resumed = WeightInitializer.Create(config, seed: 7).Train(data, saving, cancellationToken: Cancellation);
            CheckpointTests.AssertSame(whole, resumed);
        }
    }

    /// <summary>Letters of Moby-Dick, the same ones in the same order for both; the Llama then runs in llama.cpp.</summary>
    [Fact]
    public void A_Llama_learns_at_least_as_much_as_a_GPT_2_of_its_size_and_writes_the_same_in_llama_cpp()
    {
        var gpt2 = new GptConfig
        {
            VocabularySize = 256, ContextLength = 64, EmbeddingWidth = 96, HeadCount = 4, LayerCount = 3, DropoutRate = 0,
        };
        var llama = gpt2 with
        {
            KeyValueHeadCount = 4, FeedForwardWidth = 256, HasQkvBias = false, HasBias = false, Normalization = Normalization.RmsNorm,
            Rotary = new(), FeedForward = FeedForwardKind.SwiGlu,
        };
        Assert.InRange(llama.ParameterCount, 0.95 * gpt2.ParameterCount, gpt2.ParameterCount);

        byte[] text = File.ReadAllBytes(Path.Combine(Repository.Root, "samples", "Data", "moby-dick.txt"));
        int[] ids = [.. text.Select(letter => (int)letter)];
        var (_, lossOfGpt2) = TrainAndMeasure(gpt2);
        var (weights, lossOfLlama) = TrainAndMeasure(llama);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"GPT-2 {lossOfGpt2:F4} with {gpt2.ParameterCount} weights, Llama {lossOfLlama:F4} with {llama.ParameterCount}");
        Assert.InRange(lossOfLlama, 1, lossOfGpt2);

        string package = Path.Combine(_directory.Path, "model.safetensors"), gguf = Path.Combine(_directory.Path, "model.gguf");
        GptModelExporter.Export(package, weights, tokenizer: null, cancellationToken: Cancellation);
        using var file = GptModelFile.Open(package);
        GptModelExporter.Export(gguf, file, tokenizer: null, cancellationToken: Cancellation);
        using var model = GptModel.FromWeights(file, new CountingTokenizer(256));
        using var peer = new LlamaCppModel(gguf, contextLength: 64);
        peer.AssertGeneratesLike(model, ids.AsSpan(320_000, 20), count: 44);

        (GptWeights Weights, double Loss) TrainAndMeasure(GptConfig config)
        {
            var options = new TrainingOptions { BatchSize = 16, MaxSteps = 200, LearningRate = 3e-3 };
            return DecoderTrainingTests.TrainAndMeasure(
                config, options, ids[..300_000], ids.AsSpan(320_000, 12_801), new CountingTokenizer(256));
        }
    }

    /// <summary>
    /// The model and the training of the walkthrough, with GPT-2's vocabulary, beside a Llama of its size; the last fourteenth of
    /// the book is held out.
    /// </summary>
    [Fact(Explicit = true)]
    [Trait("Category", "Slow")]
    public void A_Llama_of_the_walkthroughs_size_learns_at_least_as_much_as_its_GPT_2_and_writes_the_same_in_llama_cpp()
    {
        var gpt2 = new GptConfig { ContextLength = 64, EmbeddingWidth = 128, HeadCount = 4, LayerCount = 3, DropoutRate = 0 };
        var llama = gpt2 with
        {
            FeedForwardWidth = 344, HasQkvBias = false, HasBias = false, Normalization = Normalization.RmsNorm, Rotary = new(),
            FeedForward = FeedForwardKind.SwiGlu,
        };
        Assert.InRange(llama.ParameterCount, 0.99 * gpt2.ParameterCount, gpt2.ParameterCount);
        var options = new TrainingOptions
        {
            Epochs = 2, BatchSize = 4, LearningRate = 3e-3, FinalLearningRate = 3e-4, WarmUpSteps = 20, EvaluationInterval = 100_000,
        };
        int[] ids = Gpt2Tokenizer.Instance.Encode(File.ReadAllText(Path.Combine(Repository.Root, "samples", "Data", "moby-dick.txt")));
        int held = ids.Length / 14 / 64 * 64;

        var (_, lossOfGpt2) = TrainAndMeasure(gpt2, options, ids[..^held], ids.AsSpan(ids.Length - held - 1), Gpt2Tokenizer.Instance);
        var (weights, lossOfLlama) = TrainAndMeasure(
            llama, options, ids[..^held], ids.AsSpan(ids.Length - held - 1), Gpt2Tokenizer.Instance);

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"GPT-2 {lossOfGpt2:F4} with {gpt2.ParameterCount} weights, Llama {lossOfLlama:F4} with {llama.ParameterCount}");
        Assert.InRange(lossOfLlama, 1, lossOfGpt2);
        string package = Path.Combine(_directory.Path, "model.safetensors"), gguf = Path.Combine(_directory.Path, "model.gguf");
        GptModelExporter.Export(package, weights, Gpt2Tokenizer.Instance, cancellationToken: Cancellation);
        using var model = GptModel.Load(package);
        model.Export(gguf, cancellationToken: Cancellation);
        using var peer = new LlamaCppModel(gguf, contextLength: 64);
        peer.AssertGeneratesLike(model, ids.AsSpan(ids.Length - 1000, 20), count: 44);
    }

    private static (GptWeights Weights, double Loss) TrainAndMeasure(
        GptConfig config, TrainingOptions options, int[] learned, ReadOnlySpan<int> held, ITextTokenizer tokenizer)
    {
        var data = new TrainingData(new TokenWindows(learned, config.ContextLength), null);
        var trained = WeightInitializer.Create(config, seed: 1).Train(data, options, cancellationToken: Cancellation).Weights;
        using var measured = GptModel.FromWeights(trained, tokenizer);
        var scores = new TokenScore[held.Length - 1];
        int[] windows = [.. Enumerable.Repeat(config.ContextLength, scores.Length / config.ContextLength)];
        measured.Score(held[..^1], held[1..], windows, scores, Cancellation);
        return (trained, scores.Average(score => (double)score.NegativeLogLikelihood));
    }
}
