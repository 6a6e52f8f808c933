namespace MLNet.Gpt;

/// <summary>How a tokenizer reads the spelling of a special token, such as <c>&lt;|endoftext|&gt;</c>, inside a text.</summary>
public enum SpecialTokens
{
    /// <summary>As the special token: one id. What the lecture does.</summary>
    Recognized,

    /// <summary>As ordinary characters. What untrusted text wants.</summary>
    Literal,
}
