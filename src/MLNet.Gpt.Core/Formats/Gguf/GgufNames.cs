using MLNet.Gpt.Formats.Layouts;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>llama.cpp's names of tensors. Source: llama.cpp's <c>llama-arch.cpp</c>.</summary>
internal static class GgufNames
{
    /// <summary>The architecture gpt2; matrices are (out, in).</summary>
    public static TensorTable Gpt2 { get; } = new(
    [
        (TensorRole.TokenEmbedding, "token_embd.weight"),
        (TensorRole.PositionEmbedding, "position_embd.weight"),
        (TensorRole.AttentionNormScale, "blk.{0}.attn_norm.weight"),
        (TensorRole.AttentionNormShift, "blk.{0}.attn_norm.bias"),
        (TensorRole.QueryKeyValue, "blk.{0}.attn_qkv.weight"),
        (TensorRole.QueryKeyValueBias, "blk.{0}.attn_qkv.bias"),
        (TensorRole.AttentionOutput, "blk.{0}.attn_output.weight"),
        (TensorRole.AttentionOutputBias, "blk.{0}.attn_output.bias"),
        (TensorRole.FeedForwardNormScale, "blk.{0}.ffn_norm.weight"),
        (TensorRole.FeedForwardNormShift, "blk.{0}.ffn_norm.bias"),
        (TensorRole.FeedForwardIn, "blk.{0}.ffn_up.weight"),
        (TensorRole.FeedForwardInBias, "blk.{0}.ffn_up.bias"),
        (TensorRole.FeedForwardOut, "blk.{0}.ffn_down.weight"),
        (TensorRole.FeedForwardOutBias, "blk.{0}.ffn_down.bias"),
        (TensorRole.FinalNormScale, "output_norm.weight"),
        (TensorRole.FinalNormShift, "output_norm.bias"),
        (TensorRole.Head, "output.weight"),
    ])
    {
        HasAllBiases = true,
    };
}
