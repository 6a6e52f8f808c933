namespace MLNet.Gpt;

/// <summary>What happens where prompt and generated tokens together outgrow the model's context length, T.</summary>
public enum ContextOverflow
{
    /// <summary>
    /// Each further token is predicted from the last T tokens, as in the book's <c>generate_text_simple</c>. Positions
    /// are learned and absolute, so every token of the window changes its position and the whole window is computed
    /// anew: a token then costs T tokens' work. A longer prompt is cropped to its last T tokens.
    /// </summary>
    Slide,

    /// <summary>
    /// A full context is cut to its last T / 2 tokens, which are computed anew; then it fills again. A token costs at
    /// most twice its usual work, on average, but is predicted from T / 2 to T tokens, so the text differs from
    /// <see cref="Slide"/>'s. A longer prompt is cropped to its last T tokens.
    /// </summary>
    KeepHalf,

    /// <summary>Generation ends with <see cref="FinishReason.ContextFull"/>. A prompt longer than T tokens is refused.</summary>
    Stop,
}
