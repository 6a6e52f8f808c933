using System.Diagnostics;
using MLNet.Gpt.Runtime;
using TorchSharp;

namespace MLNet.Gpt.Tests.Runtime;

[CollectionDefinition(nameof(RetainedHeapTests), DisableParallelization = true)] // the process's memory is measured
[Collection(nameof(RetainedHeapTests))]
public class RetainedHeapTests
{
    private const long Size = 32L << 20; // tests do not run on the main thread

    [Fact]
    public void Freed_memory_stays_while_the_heap_is_retained_and_goes_back_afterwards()
    {
        Assert.SkipUnless(StockLibrary.IsHere, "glibc's allocator.");
        LibTorch.EnsureLoaded();
        ResidentBytes(); // its own code and buffers
        long before = ResidentBytes(), retained;
        using (new RetainedHeap())
        {
            using (new RetainedHeap()) torch.ones(Size / sizeof(float)).Dispose();
            retained = ResidentBytes();
        }

        long after = ResidentBytes();
        Assert.True(retained - before > Size / 2, $"{before} bytes before, {retained} with a freed tensor of {Size}");
        Assert.True(retained - after > Size / 2, $"{retained} bytes with a freed tensor of {Size}, {after} afterwards");
    }

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
