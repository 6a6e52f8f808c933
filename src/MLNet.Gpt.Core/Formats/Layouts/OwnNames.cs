using System.Text.RegularExpressions;

namespace MLNet.Gpt.Formats.Layouts;

/// <summary>This library's own names, those of the book's state dict: <see cref="WeightNames"/>.</summary>
internal static partial class OwnNames
{
    /// <summary>All weights, including the mask that the book's attention keeps in each block.</summary>
    public static TensorTable Table { get; } = new([.. Order.Select(role => (role, PatternOf(role)))]) { Buffers = Mask() };

    private static TensorRole[] Order =>
    [
        TensorRole.TokenEmbedding, TensorRole.PositionEmbedding,
        TensorRole.Query, TensorRole.QueryBias, TensorRole.Key, TensorRole.KeyBias, TensorRole.Value, TensorRole.ValueBias,
        TensorRole.QueryNormScale, TensorRole.KeyNormScale, TensorRole.AttentionOutput, TensorRole.AttentionOutputBias,
        TensorRole.FeedForwardGate, TensorRole.FeedForwardGateBias,
        TensorRole.FeedForwardIn, TensorRole.FeedForwardInBias, TensorRole.FeedForwardOut, TensorRole.FeedForwardOutBias,
        TensorRole.AttentionNormScale, TensorRole.AttentionNormShift, TensorRole.FeedForwardNormScale, TensorRole.FeedForwardNormShift,
        TensorRole.AttentionPostNormScale, TensorRole.AttentionPostNormShift,
        TensorRole.FeedForwardPostNormScale, TensorRole.FeedForwardPostNormShift,
        TensorRole.FinalNormScale, TensorRole.FinalNormShift, TensorRole.Head, TensorRole.Score, TensorRole.ScoreBias,
    ];

    /// <summary>Returns the name of a block's attention mask, (T, T).</summary>
    public static string MaskOf(int layer) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"trf_blocks.{layer}.att.mask");

    private static string PatternOf(TensorRole role) =>
        role.IsInBlock() ? BlockOfZero().Replace(role.Weights(0)[0], "$1{0}.") : role.Weights(0)[0];

    [GeneratedRegex(@"^(trf_blocks\.)0\.", RegexOptions.CultureInvariant)]
    private static partial Regex BlockOfZero();

    [GeneratedRegex(@"^trf_blocks\.[0-9]{1,9}\.att\.mask$", RegexOptions.CultureInvariant)]
    private static partial Regex Mask();
}
