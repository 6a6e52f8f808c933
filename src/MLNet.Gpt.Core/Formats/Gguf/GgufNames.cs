using System.Text.RegularExpressions;
using MLNet.Gpt.Formats.Layouts;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>llama.cpp's names of tensors. Source: llama.cpp's <c>llama-arch.cpp</c>.</summary>
internal static partial class GgufNames
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

    /// <summary>
    /// The architectures qwen2, qwen3, gemma2 and gemma3, each of which has some of these. Unlike those of Hugging Face's files,
    /// Gemma's norms contain the whole scale.
    /// </summary>
    public static TensorTable Others { get; } = new(
    [
        (TensorRole.TokenEmbedding, "token_embd.weight"),
        (TensorRole.AttentionNormScale, "blk.{0}.attn_norm.weight"),
        (TensorRole.Query, "blk.{0}.attn_q.weight"),
        (TensorRole.QueryBias, "blk.{0}.attn_q.bias"),
        (TensorRole.Key, "blk.{0}.attn_k.weight"),
        (TensorRole.KeyBias, "blk.{0}.attn_k.bias"),
        (TensorRole.Value, "blk.{0}.attn_v.weight"),
        (TensorRole.ValueBias, "blk.{0}.attn_v.bias"),
        (TensorRole.QueryNormScale, "blk.{0}.attn_q_norm.weight"),
        (TensorRole.KeyNormScale, "blk.{0}.attn_k_norm.weight"),
        (TensorRole.AttentionOutput, "blk.{0}.attn_output.weight"),
        (TensorRole.AttentionOutputBias, "blk.{0}.attn_output.bias"),
        (TensorRole.AttentionPostNormScale, "blk.{0}.post_attention_norm.weight"),
        (TensorRole.FeedForwardNormScale, "blk.{0}.ffn_norm.weight"),
        (TensorRole.FeedForwardGate, "blk.{0}.ffn_gate.weight"),
        (TensorRole.FeedForwardGateBias, "blk.{0}.ffn_gate.bias"),
        (TensorRole.FeedForwardIn, "blk.{0}.ffn_up.weight"),
        (TensorRole.FeedForwardInBias, "blk.{0}.ffn_up.bias"),
        (TensorRole.FeedForwardOut, "blk.{0}.ffn_down.weight"),
        (TensorRole.FeedForwardOutBias, "blk.{0}.ffn_down.bias"),
        (TensorRole.FeedForwardPostNormScale, "blk.{0}.post_ffw_norm.weight"),
        (TensorRole.FinalNormScale, "output_norm.weight"),
        (TensorRole.Head, "output.weight"),
    ]);

    /// <summary>
    /// The architecture llama, which is that of Mistral, too. Its rotary positions turn neighboring rows of a head.
    /// </summary>
    public static TensorTable Llama { get; } = Others with { HasNeighboringPairs = true, Buffers = Frequencies() };

    /// <summary>The factors by which Llama 3 divides its frequencies, (hs / 2).</summary>
    public const string FrequencyFactors = "rope_freqs.weight";

    [GeneratedRegex(@"^rope_freqs\.weight$", RegexOptions.CultureInvariant)]
    private static partial Regex Frequencies();
}
