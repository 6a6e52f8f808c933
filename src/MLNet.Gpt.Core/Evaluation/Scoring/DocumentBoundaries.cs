namespace MLNet.Gpt;

/// <summary>Whether a window may extend from one document of a corpus into the next.</summary>
public enum DocumentBoundaries
{
    /// <summary>Every document is measured separately; its first token has no context, or only the start token.</summary>
    Separate,

    /// <summary>The documents are one text: their tokens follow each other, with nothing between them.</summary>
    Joined,

    /// <summary>
    /// The documents are one text in which each ends with the end-of-text token. That token is a target like the
    /// others: it counts as a token of the document that it ends, but not as a byte, character or word.
    /// </summary>
    JoinedByEndOfText,
}
