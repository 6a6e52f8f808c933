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
    /// <inheritdoc cref="WorkerTeam.Run" path="/param"/>
    public void ForEach(int count, Action<int> body, double work = 0) => WorkerTeam.Run(count, ThreadCount, body, work);

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

        WorkerTeam.RunRanges(
            (rows + RowsPerChunk - 1) / RowsPerChunk,
            ThreadCount,
            (first, end) =>
            {
                int endRow = Math.Min(rows, end * RowsPerChunk);
                for (int row = first * RowsPerChunk; row < endRow; row++) body(row);
            },
            kind: body);
    }

    /// <summary>Runs a body for ranges (first, end) of 0 … count − 1, in any order.</summary>
    /// <inheritdoc cref="WorkerTeam.RunRanges" path="/param"/>
    public void ForRanges(int count, Action<int, int> body, double work = 0) => WorkerTeam.RunRanges(count, ThreadCount, body, work);
}
