using System.Text.RegularExpressions;
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

    /// <summary>The table of a file's tensors: only the shape of the fused matrix shows its orientation.</summary>
    public static TensorTable Of(IReadOnlyDictionary<string, FileTensor> tensors) =>
        tensors.TryGetValue(Gpt2.QueryNameOf(0), out var fused) && fused.Shape is [var first, var second] && first == 3 * second
            ? NanoGpt
            : Gpt2;

    [GeneratedRegex(@"^h\.[0-9]{1,9}\.attn\.(bias|masked_bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex Mask();
}
