using System.Text.RegularExpressions;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// The names of Hugging Face's transformers, which nanoGPT and our ONNX graphs also use. Source: transformers'
/// <c>modeling_gpt2.py</c>, nanoGPT's <c>model.py</c>.
/// </summary>
internal static partial class HuggingFaceNames
{
    /// <summary><c>GPT2LMHeadModel</c>, whose linear layers are <c>Conv1D</c>: matrices are (in, out).</summary>
    public static TensorTable Gpt2 { get; } = new(
    [
        (TensorRole.TokenEmbedding, "transformer.wte.weight"),
        (TensorRole.PositionEmbedding, "transformer.wpe.weight"),
        (TensorRole.AttentionNormScale, "transformer.h.{0}.ln_1.weight"),
        (TensorRole.AttentionNormShift, "transformer.h.{0}.ln_1.bias"),
        (TensorRole.QueryKeyValue, "transformer.h.{0}.attn.c_attn.weight"),
        (TensorRole.QueryKeyValueBias, "transformer.h.{0}.attn.c_attn.bias"),
        (TensorRole.AttentionOutput, "transformer.h.{0}.attn.c_proj.weight"),
        (TensorRole.AttentionOutputBias, "transformer.h.{0}.attn.c_proj.bias"),
        (TensorRole.FeedForwardNormScale, "transformer.h.{0}.ln_2.weight"),
        (TensorRole.FeedForwardNormShift, "transformer.h.{0}.ln_2.bias"),
        (TensorRole.FeedForwardIn, "transformer.h.{0}.mlp.c_fc.weight"),
        (TensorRole.FeedForwardInBias, "transformer.h.{0}.mlp.c_fc.bias"),
        (TensorRole.FeedForwardOut, "transformer.h.{0}.mlp.c_proj.weight"),
        (TensorRole.FeedForwardOutBias, "transformer.h.{0}.mlp.c_proj.bias"),
        (TensorRole.FinalNormScale, "transformer.ln_f.weight"),
        (TensorRole.FinalNormShift, "transformer.ln_f.bias"),
        (TensorRole.Head, "lm_head.weight"),
    ])
    {
        Prefix = "transformer.",
        IsTransposed = true,
        HasAllBiases = true,
        Buffers = Mask(),
    };

    /// <summary>nanoGPT's <c>GPT</c>: the same names, with matrices (out, in).</summary>
    public static TensorTable NanoGpt { get; } = Gpt2 with { IsTransposed = false };

    /// <summary>
    /// <c>LlamaForCausalLM</c>, and Mistral and Qwen, which have the same names. Source: transformers'
    /// <c>modeling_llama.py</c>, <c>modeling_qwen2.py</c>, <c>modeling_qwen3.py</c>.
    /// </summary>
    public static TensorTable Llama { get; } = new(
    [
        (TensorRole.TokenEmbedding, "model.embed_tokens.weight"),
        (TensorRole.AttentionNormScale, "model.layers.{0}.input_layernorm.weight"),
        (TensorRole.Query, "model.layers.{0}.self_attn.q_proj.weight"),
        (TensorRole.QueryBias, "model.layers.{0}.self_attn.q_proj.bias"),
        (TensorRole.Key, "model.layers.{0}.self_attn.k_proj.weight"),
        (TensorRole.KeyBias, "model.layers.{0}.self_attn.k_proj.bias"),
        (TensorRole.Value, "model.layers.{0}.self_attn.v_proj.weight"),
        (TensorRole.ValueBias, "model.layers.{0}.self_attn.v_proj.bias"),
        (TensorRole.QueryNormScale, "model.layers.{0}.self_attn.q_norm.weight"),
        (TensorRole.KeyNormScale, "model.layers.{0}.self_attn.k_norm.weight"),
        (TensorRole.AttentionOutput, "model.layers.{0}.self_attn.o_proj.weight"),
        (TensorRole.AttentionOutputBias, "model.layers.{0}.self_attn.o_proj.bias"),
        (TensorRole.FeedForwardNormScale, "model.layers.{0}.post_attention_layernorm.weight"),
        (TensorRole.FeedForwardGate, "model.layers.{0}.mlp.gate_proj.weight"),
        (TensorRole.FeedForwardGateBias, "model.layers.{0}.mlp.gate_proj.bias"),
        (TensorRole.FeedForwardIn, "model.layers.{0}.mlp.up_proj.weight"),
        (TensorRole.FeedForwardInBias, "model.layers.{0}.mlp.up_proj.bias"),
        (TensorRole.FeedForwardOut, "model.layers.{0}.mlp.down_proj.weight"),
        (TensorRole.FeedForwardOutBias, "model.layers.{0}.mlp.down_proj.bias"),
        (TensorRole.FinalNormScale, "model.norm.weight"),
        (TensorRole.Head, "lm_head.weight"),
    ])
    {
        Prefix = "model.",
        Buffers = Frequencies(),
    };

    /// <summary>
    /// <c>Gemma2ForCausalLM</c> and <c>Gemma3ForCausalLM</c>, whose norms contain the distance of their scale from 1. Source:
    /// transformers' <c>modeling_gemma2.py</c> and <c>modeling_gemma3.py</c>.
    /// </summary>
    public static TensorTable Gemma { get; } = new(
    [
        (TensorRole.TokenEmbedding, "model.embed_tokens.weight"),
        .. Llama.Names.Where(each => each.Role.IsInBlock() && each.Role != TensorRole.FeedForwardNormScale),
        (TensorRole.AttentionPostNormScale, "model.layers.{0}.post_attention_layernorm.weight"),
        (TensorRole.FeedForwardNormScale, "model.layers.{0}.pre_feedforward_layernorm.weight"),
        (TensorRole.FeedForwardPostNormScale, "model.layers.{0}.post_feedforward_layernorm.weight"),
        (TensorRole.FinalNormScale, "model.norm.weight"),
        (TensorRole.Head, "lm_head.weight"),
    ])
    {
        Prefix = "model.",
        NormOffset = 1,
        Buffers = OtherParts(),
    };

    /// <summary>The table for writing a decoder, and for reading it if it is not a GPT-2.</summary>
    public static TensorTable Of(GptFamily? family) => family switch
    {
        GptFamily.Gpt2 => Gpt2,
        GptFamily.Gemma2 or GptFamily.Gemma3 => Gemma,
        _ => Llama,
    };

    /// <summary>The table of a file's tensors.</summary>
    public static TensorTable Of(GptConfig config, IReadOnlyDictionary<string, FileTensor> tensors) =>
        config.IsGpt2 ? Of(tensors) : Of(config.Family);

    /// <summary>The table of the tensors of a GPT-2: only the shape of the fused matrix shows its orientation.</summary>
    public static TensorTable Of(IReadOnlyDictionary<string, FileTensor> tensors) =>
        tensors.TryGetValue(Gpt2.QueryNameOf(0), out var fused) && fused.Shape is [var first, var second] && first == 3 * second
            ? NanoGpt
            : Gpt2;

    [GeneratedRegex(@"^layers\.[0-9]{1,9}\.self_attn\.rotary_emb\.inv_freq$", RegexOptions.CultureInvariant)]
    private static partial Regex Frequencies();

    [GeneratedRegex(@"^(vision_tower|multi_modal_projector)\.", RegexOptions.CultureInvariant)]
    private static partial Regex OtherParts();

    [GeneratedRegex(@"^h\.[0-9]{1,9}\.attn\.(bias|masked_bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex Mask();
}
