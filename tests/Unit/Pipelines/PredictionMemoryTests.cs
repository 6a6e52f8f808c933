using Microsoft.ML;
using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>Alone in the process, because the memory of the whole process is measured.</summary>
[Collection("alone")]
public sealed class PredictionMemoryTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();
    private readonly string[] _texts = [.. Enumerable.Range(0, 40).Select(i => TinyModels.Text(2 + (i * 5 % 37), i))];

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Ten_thousand_predictions_leak_no_tensors_and_no_memory()
    {
        LibTorch.EnsureLoaded();
        using var engine = _ml.Model.CreatePredictionEngine<Rows.Input, Rows.Output>(new GptTransformer(_model));
        var statistics = DisposeScopeManager.Statistics.TensorStatistics;
        for (int i = 0; i < 200; i++) engine.Predict(new() { Text = _texts[i % _texts.Length] });
        long tensors = statistics.ThreadTotalLiveCount, memory = GC.GetTotalMemory(forceFullCollection: true);

        for (int i = 0; i < 10_000; i++) engine.Predict(new() { Text = _texts[i % _texts.Length] });

        Assert.Equal(tensors, statistics.ThreadTotalLiveCount);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - memory, long.MinValue, 4_000_000);
    }
}
