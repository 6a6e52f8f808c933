using MLNet.Gpt.Evaluation.Metrics;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>The consecutive targets of one document that are in one chunk.</summary>
internal sealed class DocumentSpan(EncodedDocument document, int firstToken, bool opensDocument)
{
    // For each block of the document's tokens that the targets are in: its number of targets, and whether they include its first.
    private readonly List<(int Index, int TargetCount, bool Opens, TextSize Size)> _blocks = [];

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
        for (int token = firstToken, end = firstToken + TargetCount, next; token < end; token = next)
        {
            int block = token / BlockResult.Length;
            next = Math.Min(end, (block + 1) * BlockResult.Length);
            bool opens = (opensDocument && token == firstToken) || token % BlockResult.Length == 0;
            var size = document.Walk(Math.Min(document.Ids.Length, next), keepsEnds ? Ends : null);
            _blocks.Add((block, next - token, opens, size));
            Size += size;
        }

        while (keepsEnds && Ends.Count < TargetCount) Ends.Add((document.Position, document.BytePosition));
    }

    /// <summary>
    /// Sums up the scores of the targets by the blocks that they are in; <see langword="null"/> if that is only the document's first.
    /// </summary>
    public BlockResult[]? BlocksOf(ReadOnlySpan<TokenScore> scores, int vocabularySize)
    {
        if (_blocks is [] or [{ Index: 0 }]) return null;
        var results = new BlockResult[_blocks.Count];
        int first = 0;
        for (int i = 0; i < results.Length; i++)
        {
            var (index, count, opens, size) = _blocks[i];
            results[i] = new(index, LanguageModelMetrics.Of(scores.Slice(first, count), size, vocabularySize, opens ? 1 : 0));
            first += count;
        }

        return results;
    }
}
