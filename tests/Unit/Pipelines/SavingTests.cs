using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Tests.Pipelines;

public sealed class SavingTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();
    private readonly string[] _texts = [.. Enumerable.Range(0, 6).Select(i => TinyModels.Text(2 + (i * 5), i))];
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_pipeline_loads_completely_without_registration()
    {
        var data = Rows.ToView(_ml, _texts);
        var options = new GptTransformerOptions
        {
            InputColumnName = "Renamed",
            Columns = new() { CandidateTokens = "Candidates", CandidateCount = 3, GeneratedText = "Continuation" },
            Scoring = new() { PrependEndOfText = true, SpecialTokens = SpecialTokens.Literal },
            Generation = new() { MaxTokens = 5, StopSequences = ["w9"], Seed = 4, Temperature = 0.7 },
        };
        var pipeline = _ml.Transforms.CopyColumns("Renamed", "Text").Append(_ml.LanguageModeling.FromModel(_model, options)).Fit(data);
        string file = Path.Combine(_folder, "pipeline.zip");
        _ml.Model.Save(pipeline, data.Schema, file);

        // A context in which nothing was registered, as in another process.
        var other = new MLContext();
        var loaded = other.Model.Load(file, out var schema);

        Assert.Equal("Text", schema.Single().Name);
        var transformer = Assert.IsType<GptTransformer>(((IEnumerable<ITransformer>)loaded).Last());
        Assert.Equivalent(options, transformer.Options, strict: true);
        Assert.Equivalent(Rows.Read(_ml, pipeline.Transform(data)), Rows.Read(other, loaded.Transform(Rows.ToView(other, _texts))));
        Assert.Equal(Generated(pipeline.Transform(data)), Generated(loaded.Transform(data)));
    }

    [Theory]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    [InlineData(WeightPrecision.Int4)]
    public void A_quantized_model_keeps_its_precision_and_its_results(WeightPrecision precision)
    {
        using var quantized = _model.Quantize(precision);
        var data = Rows.ToView(_ml, _texts);
        var transformer = new GptTransformer(quantized);
        string file = Path.Combine(_folder, "quantized.zip");
        _ml.Model.Save(transformer, data.Schema, file);

        var loaded = (GptTransformer)new MLContext().Model.Load(file, out _);

        Assert.Equal(precision, loaded.Model.Options.Precision);
        foreach (var (before, after) in Rows.Read(_ml, transformer.Transform(data)).Zip(Rows.Read(_ml, loaded.Transform(data))))
        {
            Assert.Equal(before.CrossEntropy, after.CrossEntropy, 1e-5);
        }
    }

    [Fact]
    public void A_damaged_file_is_refused()
    {
        var data = Rows.ToView(_ml, _texts);
        string file = Path.Combine(_folder, "pipeline.zip");
        _ml.Model.Save(new GptTransformer(_model), data.Schema, file);
        byte[] bytes = File.ReadAllBytes(file);
        File.WriteAllBytes(file, bytes[..(bytes.Length / 2)]);

        Assert.ThrowsAny<Exception>(() => _ml.Model.Load(file, out _)); // ML.NET's own error: the zip has no directory
    }

    private static string[] Generated(IDataView view) => [.. view.GetColumn<string>("Continuation")];
}
