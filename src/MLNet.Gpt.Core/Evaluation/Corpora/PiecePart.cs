namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>What a piece of a corpus has of one document: a run of its targets.</summary>
internal sealed class PiecePart(EncodedDocument document, int firstToken, bool opensDocument)
{
    public EncodedDocument Document => document;

    /// <summary>Place of the first target among the document's tokens.</summary>
    public int FirstToken => firstToken;

    /// <summary>Whether it is the document's first, which counts it.</summary>
    public bool OpensDocument => opensDocument;

    /// <summary>Targets: tokens of the document, and one more where the last is the token that ends it.</summary>
    public int TargetCount { get; set; }

    /// <summary>Bytes, characters and words of the targets.</summary>
    public TextSize Size { get; private set; }

    /// <summary>Place in the text where its first target begins, in characters and in bytes.</summary>
    public (int Character, long Byte) Start { get; private set; }

    /// <summary>For each target the place after its last character and after its last byte; empty unless noted.</summary>
    public List<(int Character, long Byte)> Ends { get; } = [];

    /// <summary>Walks through its text, after the parts before it of the same document.</summary>
    public void Measure(bool notesEnds)
    {
        // A first token that is no target is passed over.
        document.Walk(firstToken);
        Start = (document.Position, document.BytePosition);
        Size = document.Walk(Math.Min(document.Ids.Length, firstToken + TargetCount), notesEnds ? Ends : null);
        while (notesEnds && Ends.Count < TargetCount) Ends.Add((document.Position, document.BytePosition));
    }
}
