namespace MLNet.Gpt;

/// <summary>What happens to an instruction and a response that are together longer than a model's context.</summary>
public enum OverlongExamples
{
    /// <summary>Tokens at the end of the response are left out, as in the book.</summary>
    Truncate,

    /// <summary>They are an error.</summary>
    Refuse,
}
