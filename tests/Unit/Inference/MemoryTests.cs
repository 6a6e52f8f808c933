using MLNet.Gpt.Inference;
using MLNet.Gpt.Numerics.Memory;

namespace MLNet.Gpt.Tests.Inference;

/// <summary>Native memory: what is kept for the next use, what is freed, and the error if there is none.</summary>
public class MemoryTests
{
    [Fact]
    public void A_failed_allocation_states_its_size_and_purpose()
    {
        var error = Assert.Throws<OutOfMemoryException>(() => NativeBlock.Allocate(1L << 60, "the weights of a test"));
        Assert.Contains("1152921504606846976 bytes for the weights of a test", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public unsafe void A_thread_lets_a_large_scratch_go_after_a_while_of_small_uses()
    {
        long large = 0, between = 0, end = 0;
        var thread = new Thread(() =>
        {
            ThreadScratch.Get(10_000_000);
            large = ThreadScratch.Length;
            for (int i = 0; i < 100; i++) ThreadScratch.Get(1000);
            between = ThreadScratch.Length;
            for (int i = 0; i < 10_000; i++) ThreadScratch.Get(1000)[999] = 1;
            end = ThreadScratch.Length;
        });
        thread.Start();
        thread.Join();
        Assert.Equal(40_000_000, large);
        Assert.Equal(large, between);
        Assert.InRange(end, 4000, 1 << 20);
    }

    [Fact]
    public void A_pool_keeps_a_bounded_number_of_workspaces_and_reuses_them()
    {
        using var pool = new WorkspacePool(GptModelTests.Odd);
        Workspace[] workspaces = [.. Enumerable.Range(0, 100).Select(_ => pool.Rent(20))];
        Assert.Equal(100, workspaces.Distinct().Count());
        foreach (var workspace in workspaces) pool.Return(workspace);
        Assert.Equal(pool.Capacity, pool.KeptCount);
        Assert.InRange(pool.Capacity, 1, 4 + Environment.ProcessorCount);

        var again = pool.Rent(30);
        Assert.Equal(32, again.Rows);
        Assert.Contains(again, workspaces);
        var other = pool.Rent(33);
        Assert.Equal(64, other.Rows);
        pool.Return(again);
        pool.Return(other);
        pool.Dispose();
        Assert.Equal(0, pool.KeptCount);
        pool.Return(pool.Rent(8));
        Assert.Equal(0, pool.KeptCount);
    }

    [Fact]
    public void A_pool_frees_workspaces_that_were_not_used_for_a_while()
    {
        using var pool = new WorkspacePool(GptModelTests.Odd, idleLimit: 0);
        Workspace first = pool.Rent(8), second = pool.Rent(16);
        pool.Return(first);
        pool.Return(second);
        Assert.Equal(1, pool.KeptCount);
        Assert.Same(second, pool.Rent(16));
    }
}
