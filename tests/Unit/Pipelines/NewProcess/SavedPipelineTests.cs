using System.Text.Json;
using Microsoft.ML;

namespace MLNet.Gpt.Tests.Pipelines.NewProcess;

/// <summary>What <see cref="PipelineFileTests"/> runs in a process that did not save the pipeline.</summary>
public class SavedPipelineTests
{
    public const string Variable = "MLNET_GPT_SAVED_PIPELINE";

    [Fact]
    public void The_pipeline_has_our_type_and_predicts_the_same_as_before_saving()
    {
        string? folder = Environment.GetEnvironmentVariable(Variable);
        Assert.SkipWhen(folder is null, "This is asked in a process of its own only.");
        var ml = new MLContext();
        var expected = JsonSerializer.Deserialize<Rows.Output[]>(File.ReadAllText(Path.Combine(folder, "expected.json")))!;

        var pipeline = ml.Model.Load(Path.Combine(folder, "pipeline.zip"), out var schema);

        Assert.Equal("Text", schema.Single().Name);
        Assert.IsType<GptTransformer>(((IEnumerable<ITransformer>)pipeline).Last());
        Assert.Equivalent(expected, Rows.Read(ml, pipeline.Transform(Rows.ToView(ml, expected.Select(row => row.Text)))), strict: true);
        using var engine = ml.Model.CreatePredictionEngine<Rows.Input, Rows.Output>(pipeline);
        Assert.Equal(expected[^1].PredictedToken, engine.Predict(new() { Text = expected[^1].Text }).PredictedToken);
    }
}
