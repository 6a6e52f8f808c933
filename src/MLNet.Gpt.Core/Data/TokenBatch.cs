namespace MLNet.Gpt.Data;

/// <summary>Windows of equal length as two matrices, (B, T) row-major.</summary>
internal sealed class TokenBatch
{
    public TokenBatch(TokenWindows windows, ReadOnlySpan<int> indices)
    {
        BatchSize = indices.Length;
        Length = windows.Length(indices[0]);
        Inputs = new int[BatchSize * Length];
        Targets = new int[BatchSize * Length];
        for (int row = 0; row < BatchSize; row++)
        {
            windows.Copy(indices[row], Inputs.AsSpan(row * Length, Length), Targets.AsSpan(row * Length, Length));
        }
    }

    /// <summary>Number of windows, B.</summary>
    public int BatchSize { get; }

    /// <summary>Tokens in each window, T.</summary>
    public int Length { get; }

    /// <summary>Input ids, (B, T).</summary>
    public int[] Inputs { get; }

    /// <summary>Target ids, (B, T).</summary>
    public int[] Targets { get; }
}
