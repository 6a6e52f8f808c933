namespace MLNet.Gpt;

/// <summary>Whether a window may reach from one document of a corpus into the next.</summary>
public enum DocumentBoundaries
{
    /// <summary>Every document is measured by itself; its first token sees nothing, or the start token.</summary>
    Separate,

    /// <summary>The documents are one text: their tokens follow each other, with nothing between.</summary>
    Joined,

    /// <summary>
    /// The documents are one text in which each is ended by the end-of-text token. That token is a target like the others: it counts as a
    /// token of the document that it ends, and as no byte, character or word.
    /// </summary>
    JoinedByEndOfText,
}
