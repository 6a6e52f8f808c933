namespace MLNet.Gpt;

/// <summary>Which of a question's tokens are scored. Tools differ, and so do their figures.</summary>
public enum TaskConvention
{
    /// <summary>
    /// As lm-evaluation-harness does: context and continuation are encoded together, and the tokens after those of the context are
    /// scored.
    /// </summary>
    Harness,

    /// <summary>
    /// As <c>llama-perplexity</c> does: the tokens after those that all choices of a question have in common are scored. If the choices
    /// differ only in their contexts, as in Winogrande, the tokens after the context are scored, without the last one.
    /// </summary>
    LlamaCpp,
}
