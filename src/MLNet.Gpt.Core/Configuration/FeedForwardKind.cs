namespace MLNet.Gpt;

/// <summary>The function between the matrices of a feed-forward layer.</summary>
/// <remarks>Source of the gated ones: Shazeer, "GLU Variants Improve Transformer" (2020).</remarks>
public enum FeedForwardKind
{
    /// <summary>GELU in its tanh form, as in GPT-2: down(GELU(up(x))).</summary>
    Gelu,

    /// <summary>GELU with the error function, as nanoGPT trains it: down(GELU(up(x))).</summary>
    GeluExact,

    /// <summary>Gated by SiLU, as in Llama, Mistral and Qwen: down(SiLU(gate(x)) × up(x)).</summary>
    SwiGlu,

    /// <summary>Gated by GELU in its tanh form, as in Gemma: down(GELU(gate(x)) × up(x)).</summary>
    GeGlu,
}
