using Microsoft.ML;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>ML.NET's own conversion to ONNX, which does not support language models.</summary>
public sealed class OnnxConversionTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Refusing_a_transformer_names_the_call_that_exports_its_model()
    {
        var data = Rows.ToView(_ml, "w1 w2");
        using var stream = new MemoryStream();

        var error = Assert.Throws<NotSupportedException>(() => _ml.Model.ConvertToOnnx(new GptTransformer(_model), data, stream));

        Assert.Contains("Model.Export(\"model.onnx\")", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, stream.Length);
    }

    [Fact]
    public void A_pipeline_that_contains_one_is_refused_whatever_surrounds_it()
    {
        var data = Rows.ToView(_ml, "w1 w2");
        var pipeline = _ml.Transforms.CopyColumns("Body", "Text")
            .Append(_ml.LanguageModeling.FromModel(
                _model, new GptTransformerOptions { InputColumnName = "Body", Columns = new() { Embedding = "Features" } }))
            .Append(_ml.Transforms.NormalizeMinMax("Features"))
            .Append(_ml.Transforms.CopyColumns("Copy", "Features"))
            .Fit(data);
        using var stream = new MemoryStream();

        Assert.Throws<NotSupportedException>(() => _ml.Model.ConvertToOnnx(pipeline, data, stream));
    }
}
