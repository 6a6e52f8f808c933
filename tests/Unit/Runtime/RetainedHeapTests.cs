using System.Diagnostics;
using MLNet.Gpt.Runtime;
using TorchSharp;

namespace MLNet.Gpt.Tests.Runtime;

[Collection(TorchCollection.Name)]
public class RetainedHeapTests
{
    private const long Size = 64L << 20;

    [Fact]
    public void Freed_memory_stays_while_the_heap_is_retained_and_goes_back_afterwards()
    {
        Assert.SkipUnless(StockLibrary.IsHere, "glibc's allocator.");
        LibTorch.EnsureLoaded();
        long before = ResidentBytes();
        using (new RetainedHeap())
        {
            using (new RetainedHeap()) torch.ones(Size / sizeof(float)).Dispose();
            Assert.True(ResidentBytes() - before > Size / 2, $"{before} bytes before, {ResidentBytes()} with a freed tensor of {Size}");
        }

        Assert.True(ResidentBytes() - before < Size / 2, $"{before} bytes before, {ResidentBytes()} afterwards");
    }

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
