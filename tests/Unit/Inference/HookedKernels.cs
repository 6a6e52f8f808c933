using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Tests.Inference;

/// <summary>
/// The machine's kernels, with a test's action before each call, on the calling thread, which can throw, wait or count.
/// </summary>
internal sealed unsafe class HookedKernels : KernelSet
{
    private readonly KernelSet _kernels = Best;
    private int _calls;

    /// <summary>Called with the number of earlier calls since <see cref="Restart"/>.</summary>
    public Action<int>? BeforeCall { get; set; }

    public int Calls => _calls;

    public override int Lanes => _kernels.Lanes;

    public void Restart(Action<int>? beforeCall = null)
    {
        _calls = 0;
        BeforeCall = beforeCall;
    }

    public override void MultiplyTile(int depth, float* a, nint lda, float* panel, float* c, nint ldc, bool accumulate)
    {
        Call();
        _kernels.MultiplyTile(depth, a, lda, panel, c, ldc, accumulate);
    }

    public override void MultiplyStrip(int depth, float* strip, float* panel, float* c, nint ldc, bool accumulate)
    {
        Call();
        _kernels.MultiplyStrip(depth, strip, panel, c, ldc, accumulate);
    }

    public override void MultiplyVector(int depth, float* x, float* panels, long stride, int count, float* y)
    {
        Call();
        _kernels.MultiplyVector(depth, x, panels, stride, count, y);
    }

    public override void MultiplyVectorBFloat16(int depth, float* x, uint* panels, long stride, int count, float* y)
    {
        Call();
        _kernels.MultiplyVectorBFloat16(depth, x, panels, stride, count, y);
    }

    public override void WidenPanel(int pairCount, uint* panel, float* destination) => _kernels.WidenPanel(pairCount, panel, destination);

    public override void AddWeightedRows(int depth, float* weights, nint ldw, float* rows, nint stride, float* y, int columns) =>
        _kernels.AddWeightedRows(depth, weights, ldw, rows, stride, y, columns);

    public override void AddStridedWeightedRows(
        int depth, float* weights, nint rowStride, nint stepStride, float* rows, nint stride, float* y, int columns) =>
        _kernels.AddStridedWeightedRows(depth, weights, rowStride, stepStride, rows, stride, y, columns);

    public override void AddWeightedRow(int depth, float* weights, float* rows, nint stride, float* y, int columns) =>
        _kernels.AddWeightedRow(depth, weights, rows, stride, y, columns);

    private void Call() => BeforeCall?.Invoke(Interlocked.Increment(ref _calls) - 1);
}
