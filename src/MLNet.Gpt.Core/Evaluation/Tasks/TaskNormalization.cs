namespace MLNet.Gpt;

/// <summary>What the log-likelihood of a choice is divided by before the choices of a question are compared.</summary>
public enum TaskNormalization
{
    /// <summary>Nothing: <c>acc</c> of lm-evaluation-harness.</summary>
    None,

    /// <summary>Characters (Unicode scalar values) of the choice: <c>acc_norm</c> of lm-evaluation-harness.</summary>
    Characters,

    /// <summary>UTF-8 bytes of the choice: <c>acc_bytes</c> of lm-evaluation-harness.</summary>
    Bytes,

    /// <summary>Tokens that are scored: the <c>acc_norm</c> of llama.cpp.</summary>
    Tokens,
}
