using MLNet.Gpt.Evaluation.Metrics;

namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>The consecutive targets of one document that are in one chunk.</summary>
internal sealed class DocumentSpan(EncodedDocument document, int firstToken, bool opensDocument)
{
    public EncodedDocument Document => document;

    /// <summary>The index of the first target among the document's tokens.</summary>
    public int FirstToken => firstToken;

    /// <summary>Whether the span is the document's first, which counts the document.</summary>
    public bool OpensDocument => opensDocument;

    /// <summary>
    /// The number of targets: tokens of the document, and one more if the last is the token that ends it.
    /// </summary>
    public int TargetCount { get; set; }

    /// <summary>Bytes, characters and words of the targets.</summary>
    public TextSize Size { get; private set; }

    /// <summary>The index in the text at which the first target begins, in characters and in bytes.</summary>
    public (int Character, long Byte) Start { get; private set; }

    /// <summary>For each target the index after its last character and after its last byte; empty unless requested.</summary>
    public List<(int Character, long Byte)> Ends { get; } = [];

    /// <summary>Walks through the text of the span. The earlier spans of the document must have been measured.</summary>
    public void Measure(bool keepsEnds)
    {
        // A first token that is not a target is skipped.
        document.Walk(firstToken);
        Start = (document.Position, document.BytePosition);
        Size = document.Walk(Math.Min(document.Ids.Length, firstToken + TargetCount), keepsEnds ? Ends : null);
        while (keepsEnds && Ends.Count < TargetCount) Ends.Add((document.Position, document.BytePosition));
    }
}
