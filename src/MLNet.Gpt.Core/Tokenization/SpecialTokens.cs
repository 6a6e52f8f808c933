namespace MLNet.Gpt;

/// <summary>How a tokenizer reads the spelling of a special token, such as <c>&lt;|endoftext|&gt;</c>, inside a text.</summary>
public enum SpecialTokens
{
    /// <summary>As the special token, with a single id, as in the lecture.</summary>
    Recognized,

    /// <summary>As ordinary characters. Use this for untrusted text.</summary>
    Literal,
}
