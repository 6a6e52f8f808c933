using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Panels of a matrix as it lies, B = M.</summary>
internal readonly unsafe struct MatrixPanels(Matrix matrix) : IPanelSource
{
    public int Columns => matrix.Columns;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Pack(int column, int width, float* panel)
    {
        int count = Math.Min(width, matrix.Columns - column);
        for (int k = 0; k < matrix.Rows; k++, panel += width)
        {
            Row.Copy(matrix.Row(k) + column, panel, count);
            if (count < width) Row.Clear(panel + count, width - count);
        }
    }
}
