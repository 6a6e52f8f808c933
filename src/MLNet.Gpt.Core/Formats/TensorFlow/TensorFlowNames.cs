using MLNet.Gpt.Formats.Layouts;

namespace MLNet.Gpt.Formats.TensorFlow;

/// <summary>The names of OpenAI's release. Source: <c>src/model.py</c> of github.com/openai/gpt-2.</summary>
internal static class TensorFlowNames
{
    /// <summary>GPT-2; matrices are (in, out).</summary>
    public static TensorTable Gpt2 { get; } = new(
    [
        (TensorRole.TokenEmbedding, "model/wte"),
        (TensorRole.PositionEmbedding, "model/wpe"),
        (TensorRole.AttentionNormScale, "model/h{0}/ln_1/g"),
        (TensorRole.AttentionNormShift, "model/h{0}/ln_1/b"),
        (TensorRole.QueryKeyValue, "model/h{0}/attn/c_attn/w"),
        (TensorRole.QueryKeyValueBias, "model/h{0}/attn/c_attn/b"),
        (TensorRole.AttentionOutput, "model/h{0}/attn/c_proj/w"),
        (TensorRole.AttentionOutputBias, "model/h{0}/attn/c_proj/b"),
        (TensorRole.FeedForwardNormScale, "model/h{0}/ln_2/g"),
        (TensorRole.FeedForwardNormShift, "model/h{0}/ln_2/b"),
        (TensorRole.FeedForwardIn, "model/h{0}/mlp/c_fc/w"),
        (TensorRole.FeedForwardInBias, "model/h{0}/mlp/c_fc/b"),
        (TensorRole.FeedForwardOut, "model/h{0}/mlp/c_proj/w"),
        (TensorRole.FeedForwardOutBias, "model/h{0}/mlp/c_proj/b"),
        (TensorRole.FinalNormScale, "model/ln_f/g"),
        (TensorRole.FinalNormShift, "model/ln_f/b"),
        (TensorRole.Head, "model/head"), // the release ties it; other checkpoints may not
    ])
    {
        Prefix = "model/",
        IsTransposed = true,
        HasAllBiases = true,
    };
}
