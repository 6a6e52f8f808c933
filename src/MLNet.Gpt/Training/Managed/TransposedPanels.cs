using System.Runtime.CompilerServices;

namespace MLNet.Gpt.Training.Managed;

/// <summary>Panels of a matrix on its side, B = Mᵀ: what a linear layer's (out, in) weights are multiplied as.</summary>
internal readonly unsafe struct TransposedPanels(Matrix matrix) : IPanelSource
{
    // One cache line of each row at a time: the rows lie a multiple of the cache's period apart and would push each other out.
    private const int PackingDepth = 16;

    public int Columns => matrix.Rows;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Pack(int column, int width, float* panel)
    {
        int count = Math.Min(width, matrix.Rows - column), depth = matrix.Columns;
        if (count < width) Row.Clear(panel, depth * width);
        for (int start = 0; start < depth; start += PackingDepth)
        {
            int end = Math.Min(start + PackingDepth, depth);
            for (int output = 0; output < count; output++)
            {
                float* row = matrix.Row(column + output);
                float* target = panel + ((nint)start * width) + output;
                for (int k = start; k < end; k++, target += width) *target = row[k];
            }
        }
    }
}
