using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>The sizes of a batch in attention.</summary>
/// <param name="BatchSize">B.</param>
/// <param name="Tokens">T.</param>
/// <param name="HeadCount">nh.</param>
/// <param name="HeadSize">hs.</param>
internal readonly record struct AttentionShape(int BatchSize, int Tokens, int HeadCount, int HeadSize)
{
    /// <summary>C.</summary>
    public int Width => HeadCount * HeadSize;

    /// <summary>What scores are multiplied with before softmax, 1 / √hs.</summary>
    public float Scale => 1 / MathF.Sqrt(HeadSize);

    /// <summary>Tokens rounded up to whole panels of keys: the length of a row of scores.</summary>
    public int PaddedTokens(KernelSet kernels) => RoundUp(RoundUp(Tokens, kernels.PanelWidth), Lanes.Count);

    /// <summary>Head size rounded up to what weighted rows are added in.</summary>
    public int PaddedHeadSize(KernelSet kernels) => RoundUp(HeadSize, kernels.ValueWidth);

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}
