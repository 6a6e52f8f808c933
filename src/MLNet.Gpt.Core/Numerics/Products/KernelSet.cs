using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>The heavy kernels at one register width, chosen once for the machine.</summary>
internal abstract unsafe class KernelSet
{
    /// <summary>The widest kernels that the machine supports.</summary>
    public static KernelSet Best { get; } =
        Vector512.IsHardwareAccelerated ? new KernelSet<Simd512, Vector512<float>>()
        : Vector256.IsHardwareAccelerated ? new KernelSet<Simd256, Vector256<float>>()
        : Vector128.IsHardwareAccelerated ? new KernelSet<Simd128, Vector128<float>>()
        : new KernelSet<SimdScalar, float>();

    /// <summary>All widths that the machine supports, the scalar path last.</summary>
    public static IReadOnlyList<KernelSet> All { get; } = FindAll();

    /// <summary>Numbers in a register.</summary>
    public abstract int Lanes { get; }

    /// <summary>Rows of a tile. Kernels read and write whole tiles, so buffers must have room for them.</summary>
    public const int TileRows = 8;

    /// <summary>Columns (outputs) of a panel of packed weights or keys: three registers.</summary>
    public int PanelWidth => 3 * Lanes;

    /// <summary>Rows of values are padded to a multiple of this: two registers.</summary>
    public int ValueWidth => 2 * Lanes;

    /// <summary>C (8 × <see cref="PanelWidth"/>) = A (8 × depth) · panel, optionally added to C.</summary>
    public abstract void MultiplyTile(int depth, float* a, nint lda, float* panel, float* c, nint ldc, bool accumulate);

    /// <summary>The same with A packed as a strip, [k][8].</summary>
    public abstract void MultiplyStrip(int depth, float* strip, float* panel, float* c, nint ldc, bool accumulate);

    /// <summary>
    /// y (count × <see cref="PanelWidth"/>) = x (depth) · panels, which are <paramref name="stride"/> numbers apart.
    /// </summary>
    public abstract void MultiplyVector(int depth, float* x, float* panels, long stride, int count, float* y);

    /// <summary>The same with panels of bfloat16 pairs.</summary>
    public abstract void MultiplyVectorBFloat16(int depth, float* x, uint* panels, long stride, int count, float* y);

    /// <summary>Widens steps of a panel of bfloat16 pairs to single precision.</summary>
    /// <param name="pairCount">Pairs of steps of k.</param>
    /// <param name="panel">Two steps per pair.</param>
    /// <param name="destination">Receives 2 × pairCount steps.</param>
    public abstract void WidenPanel(int pairCount, uint* panel, float* destination);

    /// <summary>Y (8 × columns) += weights (8 × depth) · rows (depth × columns).</summary>
    public abstract void AddWeightedRows(int depth, float* weights, nint ldw, float* rows, nint stride, float* y, int columns);

    /// <summary>The same with any stride between the weights' rows and between their steps.</summary>
    public abstract void AddStridedWeightedRows(
        int depth, float* weights, nint rowStride, nint stepStride, float* rows, nint stride, float* y, int columns);

    /// <summary>y (columns) += weights (depth) · rows (depth × columns).</summary>
    public abstract void AddWeightedRow(int depth, float* weights, float* rows, nint stride, float* y, int columns);

    /// <summary>Returns a number of rows rounded up to whole tiles.</summary>
    public static int RoundUpToTiles(int rows) => (rows + TileRows - 1) / TileRows * TileRows;

    private static List<KernelSet> FindAll()
    {
        var all = new List<KernelSet>();
        if (Vector512.IsHardwareAccelerated) all.Add(new KernelSet<Simd512, Vector512<float>>());
        if (Vector256.IsHardwareAccelerated) all.Add(new KernelSet<Simd256, Vector256<float>>());
        if (Vector128.IsHardwareAccelerated) all.Add(new KernelSet<Simd128, Vector128<float>>());
        all.Add(new KernelSet<SimdScalar, float>());
        return all;
    }
}
