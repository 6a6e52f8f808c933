using MLNet.Gpt.Tests.TorchSharp.Alone;

namespace MLNet.Gpt.Tests.TorchSharp;

public class RetainedHeapTests
{
    [Fact]
    public async Task Memory_stays_with_the_process_only_while_the_heap_is_retained()
    {
        Assert.SkipUnless(StockLibrary.IsHere, "glibc's allocator.");
        await ChildTestRun.Run("MLNet.Gpt.Tests.TorchSharp.Alone", (RetainedHeapAloneTests.Variable, "1"));
    }
}
