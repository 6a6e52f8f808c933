using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Formats.Onnx;

/// <summary>
/// Runs the exported graphs in ONNX Runtime and in ML.NET's ONNX transformer, and compares them with the book's forward
/// pass in double precision.
/// </summary>
public sealed class OnnxExporterTests : IDisposable
{
    private const double Tolerance = 1e-4;

    private readonly TemporaryDirectory _directory = new();

    private string File => Path.Combine(_directory.Path, "model.onnx");

    public static TheoryData<bool, bool> Switches => new() { { true, true }, { true, false }, { false, true }, { false, false } };

    [Theory]
    [MemberData(nameof(Switches))]
    public void A_whole_prompt_followed_by_single_tokens_gives_the_logits(bool hasBias, bool isTied)
    {
        var config = GptPresets.Tiny with { HasQkvBias = hasBias, HasTiedHead = isTied };
        var weights = RandomWeights.Of(config, deviation: 0.2f);
        GptModelExporter.Export(File, weights, tokenizer: null);
        int[] ids = RandomWeights.Ids(config, 16);
        var expected = new ReferenceForward(weights).Logits(ids);

        using var whole = new CachedRun(File, config);
        Near(expected, whole.Next([ids]));

        using var stepwise = new CachedRun(File, config);
        Near(expected[..5], stepwise.Next([ids[..5]]));
        for (int i = 5; i < ids.Length; i++) Near([expected[i]], stepwise.Next([[ids[i]]]));
        Assert.Equal(16, stepwise.PastLength);
    }

    /// <summary>
    /// Two sequences in one call, the shorter one padded on the left with tokens that the attention mask excludes.
    /// </summary>
    [Fact]
    public void Sequences_of_different_lengths_fit_in_one_call()
    {
        var config = GptPresets.Tiny;
        var weights = RandomWeights.Of(config, deviation: 0.2f);
        GptModelExporter.Export(File, weights, tokenizer: null);
        int[] long9 = RandomWeights.Ids(config, 9, seed: 3), short5 = RandomWeights.Ids(config, 5, seed: 4);
        var reference = new ReferenceForward(weights);

        using var run = new CachedRun(File, config);
        float[] logits = run.Next([long9[..8], [0, 0, 0, 0, .. short5[..4]]], padding: [0, 4]);
        Near(reference.Logits(long9)[..8], logits.AsSpan(0, 8 * 61));
        Near(reference.Logits(short5)[..4], logits.AsSpan(12 * 61));

        logits = run.Next([[long9[8]], [short5[4]]]);
        Near([reference.Logits(long9)[8]], logits.AsSpan(0, 61));
        Near([reference.Logits(short5)[4]], logits.AsSpan(61));
    }

    [Fact]
    public void The_inputs_and_outputs_have_the_usual_decoder_names()
    {
        GptModelExporter.Export(File, RandomWeights.Of(GptPresets.Tiny), tokenizer: null);
        using var session = new InferenceSession(File);
        Assert.Equal(
            ["input_ids", "attention_mask", "position_ids", "past_key_values.0.key",
                "past_key_values.0.value", "past_key_values.1.key", "past_key_values.1.value"],
            session.InputMetadata.Keys);
        Assert.Equal(
            ["logits", "present.0.key", "present.0.value", "present.1.key", "present.1.value"],
            session.OutputMetadata.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(["batch_size", "", "past_sequence_length", ""], session.InputMetadata["past_key_values.1.key"].SymbolicDimensions);
        Assert.Equal([-1, 4, -1, 8], session.InputMetadata["past_key_values.1.key"].Dimensions);
        Assert.Equal(GptConfigJson.Write(GptPresets.Tiny), session.ModelMetadata.CustomMetadataMap["mlnet_gpt.config"]);
    }

    [Fact]
    public void Weights_in_half_precision_give_the_logits_of_the_rounded_weights()
    {
        var config = GptPresets.Tiny with { HasTiedHead = false };
        var weights = RandomWeights.Of(config, deviation: 0.2f);
        GptModelExporter.Export(File, weights, tokenizer: null, new() { DataType = TensorDataType.Float16 });
        var rounded = new GptWeights(
            config,
            WeightNames.For(config)
                .ToDictionary(entry => entry.Name, entry => weights[entry.Name].ToArray().Select(x => (float)(Half)x).ToArray()));
        int[] ids = RandomWeights.Ids(config, 10);

        using var run = new CachedRun(File, config);
        Near(new ReferenceForward(rounded).Logits(ids), run.Next([ids]));
        Assert.InRange(new FileInfo(File).Length, 2 * config.ParameterCount, (2 * config.ParameterCount) + 40_000);
    }

    /// <summary>Twice to one path: the second export's weights must not mix with the first's.</summary>
    [Fact]
    public void Large_weights_are_in_a_second_file_that_is_replaced_with_the_first()
    {
        var config = GptPresets.Tiny;
        int[] ids = RandomWeights.Ids(config, 10);
        for (int seed = 1; seed <= 3; seed++)
        {
            var weights = RandomWeights.Of(config, seed, deviation: 0.2f);
            GptModelExporter.Export(File, weights, tokenizer: null, new() { InlineWeightLimit = 0 });
            string data = Assert.Single(
                Directory.EnumerateFiles(_directory.Path), file => file.EndsWith(".data", StringComparison.Ordinal));
            Assert.True(new FileInfo(data).Length >= 4 * config.ParameterCount);
            Assert.InRange(new FileInfo(File).Length, 1, 60_000);
            using var run = new CachedRun(File, config);
            Near(new ReferenceForward(weights).Logits(ids), run.Next([ids]));
        }

        GptModelExporter.Export(File, RandomWeights.Of(config), tokenizer: null);
        Assert.Equal([File], Directory.EnumerateFiles(_directory.Path));
    }

    /// <summary>ML.NET's transformer does not support a cache, so this is the plain graph from ids to logits.</summary>
    [Theory]
    [InlineData(2_000_000_000)]
    [InlineData(0)]
    public void ML_NET_runs_the_plain_graph(long inlineWeightLimit)
    {
        var config = GptPresets.Tiny;
        var weights = RandomWeights.Of(config, deviation: 0.2f);
        GptModelExporter.Export(
            File, weights, tokenizer: null, new() { IncludeKeyValueCache = false, InlineWeightLimit = inlineWeightLimit });

        var ml = new MLContext(1);
        int[][] rows = [RandomWeights.Ids(config, 6, seed: 5), RandomWeights.Ids(config, 6, seed: 6)];
        var data = ml.Data.LoadFromEnumerable(rows.Select(ids => new Row { Ids = [.. ids.Select(id => (long)id)] }));
        var pipeline = ml.Transforms.ApplyOnnxModel(
            ["logits"],
            ["input_ids"],
            File,
            new Dictionary<string, int[]> { ["input_ids"] = [1, 6], ["logits"] = [1, 6, 61] },
            gpuDeviceId: null,
            fallbackToCpu: true);
        float[][] logits = [.. pipeline.Fit(data).Transform(data).GetColumn<float[]>("logits")];

        for (int i = 0; i < rows.Length; i++) Near(new ReferenceForward(weights).Logits(rows[i]), logits[i]);
    }

    [Fact]
    public void A_model_passes_on_its_tokenizer_in_the_metadata()
    {
        using var model = TinyModels.Create();
        model.Export(File);
        using var session = new InferenceSession(File);
        var tokenizer = Assert.IsType<WordTokenizer>(
            TokenizerJson.Read(File, session.ModelMetadata.CustomMetadataMap["mlnet_gpt.tokenizer"], model.Config.VocabularySize));
        Assert.Equal(((WordTokenizer)model.Tokenizer).Words, tokenizer.Words);
    }

    public void Dispose() => _directory.Dispose();

    private static void Near(double[][] expected, ReadOnlySpan<float> logits)
    {
        Assert.Equal(expected.Length * 61, logits.Length);
        for (int i = 0; i < logits.Length; i++) Assert.InRange(logits[i] - expected[i / 61][i % 61], -Tolerance, Tolerance);
    }

    private sealed class Row
    {
        [ColumnName("input_ids")]
        [VectorType(1, 6)]
        public long[] Ids { get; set; } = [];
    }

    // Feeds each call's present keys and values to the next as its past.
    private sealed class CachedRun(string file, GptConfig config) : IDisposable
    {
        private readonly InferenceSession _session = new(file);
        private readonly Dictionary<string, DenseTensor<float>> _past = [];
        private int[] _padding = [];

        public int PastLength => _past.Count == 0 ? 0 : _past.Values.First().Dimensions[2];

        /// <summary>The logits of new tokens, (B, T, V).</summary>
        public float[] Next(int[][] ids, int[]? padding = null)
        {
            int batch = ids.Length, count = ids[0].Length, past = PastLength, total = past + count;
            if (past == 0) _padding = padding ?? new int[batch];
            var tokens = new DenseTensor<long>([batch, count]);
            var positions = new DenseTensor<long>([batch, count]);
            var mask = new DenseTensor<long>([batch, total]);
            for (int b = 0; b < batch; b++)
            {
                for (int t = 0; t < count; t++)
                {
                    tokens[b, t] = ids[b][t];
                    positions[b, t] = Math.Max(0, past + t - _padding[b]);
                }

                for (int place = 0; place < total; place++) mask[b, place] = place >= _padding[b] ? 1 : 0;
            }

            List<NamedOnnxValue> inputs =
            [
                NamedOnnxValue.CreateFromTensor("input_ids", tokens),
                NamedOnnxValue.CreateFromTensor("attention_mask", mask),
                NamedOnnxValue.CreateFromTensor("position_ids", positions),
            ];
            foreach (string name in _session.InputMetadata.Keys.Where(name => name.StartsWith("past_key_values", StringComparison.Ordinal)))
            {
                inputs.Add(
                    NamedOnnxValue.CreateFromTensor(
                        name, _past.GetValueOrDefault(name) ?? new DenseTensor<float>([batch, config.HeadCount, 0, config.HeadSize])));
            }

            using var outputs = _session.Run(inputs);
            foreach (var output in outputs.Where(output => output.Name.StartsWith("present", StringComparison.Ordinal)))
            {
                _past[output.Name.Replace("present", "past_key_values", StringComparison.Ordinal)] = output
                    .AsTensor<float>()
                    .ToDenseTensor();
            }

            return [.. outputs.First(output => output.Name == "logits").AsTensor<float>()];
        }

        public void Dispose() => _session.Dispose();
    }
}
