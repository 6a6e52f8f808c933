using MLNet.Gpt.Numerics.Memory;

namespace MLNet.Gpt.Tests.Classification;

/// <summary>Alone in the process, because the memory of the whole process is measured.</summary>
[Collection("alone")]
public sealed class ClassifierMemoryTests
{
    [Fact]
    public void Ten_thousand_predictions_leave_memory_as_it_was()
    {
        using var classifier = GptClassifierTests.Create(GptPresets.Tiny);
        string[] texts = [.. Enumerable.Range(0, 40).Select(i => TinyModels.Text(i % 20, i))];
        for (int i = 0; i < 200; i++) Predict(i);
        long memory = GC.GetTotalMemory(forceFullCollection: true), blocks = NativeBlock.LiveCount;
        for (int i = 0; i < 10_000; i++) Predict(i);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - memory, long.MinValue, 4_000_000);
        Assert.InRange(NativeBlock.LiveCount, 0, blocks + 2);

        void Predict(int i) => classifier.Predict(texts[i % texts.Length], cancellationToken: TestContext.Current.CancellationToken);
    }
}
