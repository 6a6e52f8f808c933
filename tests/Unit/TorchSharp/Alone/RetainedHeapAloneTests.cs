using System.Diagnostics;
using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp.Alone;

/// <summary>
/// What <see cref="RetainedHeapTests"/> runs in a process in which nothing else allocates or frees memory.
/// </summary>
public class RetainedHeapAloneTests
{
    public const string Variable = "MLNET_GPT_PROCESS_ALONE";

    private const long Size = 32L << 20; // tests do not run on the main thread

    [Fact]
    public void Freed_memory_stays_while_the_heap_is_retained_and_is_returned_afterwards()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable(Variable) is null, "This is asked in a process of its own only.");
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
