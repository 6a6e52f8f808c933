using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>
/// The kernels and threads that operations run on. With a fused multiply-add, results depend on neither the number of
/// threads nor the kernels' width.
/// </summary>
/// <param name="Kernels">The heavy kernels.</param>
/// <param name="ThreadCount">Threads that work on an operation, including the calling one.</param>
internal readonly record struct Compute(KernelSet Kernels, int ThreadCount)
{
    private const int RowsPerChunk = 16;
    private const int FewestRowsToShare = 32;

    /// <summary>Runs a body for 0 … count − 1, in any order.</summary>
    public void ForEach(int count, Action<int> body) => WorkerTeam.Run(count, ThreadCount, body);

    /// <summary>
    /// Runs a body for the rows 0 … rows − 1, in any order; a work item has several rows, and a few rows are not worth
    /// sharing.
    /// </summary>
    public void ForEachRow(int rows, Action<int> body)
    {
        if (rows < FewestRowsToShare)
        {
            WorkerTeam.Run(rows, threadCount: 1, body);
            return;
        }

        WorkerTeam.Run((rows + RowsPerChunk - 1) / RowsPerChunk, ThreadCount, chunk =>
        {
            int end = Math.Min(rows, (chunk + 1) * RowsPerChunk);
            for (int row = chunk * RowsPerChunk; row < end; row++) body(row);
        });
    }

    /// <summary>Runs a body for ranges (first, end) of 0 … count − 1, in any order.</summary>
    public void ForRanges(int count, Action<int, int> body) => WorkerTeam.RunRanges(count, ThreadCount, body);
}
