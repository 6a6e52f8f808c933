namespace MLNet.Gpt;

/// <summary>
/// What happens if the prompt and the generated tokens together exceed the model's context length, T.
/// </summary>
public enum ContextOverflow
{
    /// <summary>
    /// Each further token is predicted from the last T tokens, as in the book's <c>generate_text_simple</c>. Because
    /// positions are absolute, every token in the window changes its position and the whole window is recomputed: a
    /// token then costs the work of T tokens. A longer prompt is cropped to its last T tokens.
    /// </summary>
    Slide,

    /// <summary>
    /// A full context is reduced to its last T / 2 tokens, which are recomputed; then it fills up again. On average a
    /// token costs at most twice the usual work, but it is predicted from T / 2 to T tokens, so the text differs from
    /// that of <see cref="Slide"/>. A longer prompt is cropped to its last T tokens.
    /// </summary>
    KeepHalf,

    /// <summary>Generation ends with <see cref="FinishReason.ContextFull"/>. A prompt longer than T tokens is rejected.</summary>
    Stop,
}
