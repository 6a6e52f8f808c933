using MLNet.Gpt.Evaluation.Metrics;

namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>A document with its ids, and how far its text has been walked through.</summary>
internal sealed class EncodedDocument(long index, long charactersBefore, CorpusDocument document, int[] ids, ITextTokenizer tokenizer)
{
    private readonly TokenSpans _spans = new(document.Text, tokenizer);
    private int _walked;

    public long Index => index;

    /// <summary>Characters (UTF-16) of the preceding documents.</summary>
    public long CharactersBefore => charactersBefore;

    public string Name => document.Name;

    public string Text => document.Text;

    public ReadOnlySpan<int> Ids => ids;

    /// <summary>The index after the last character walked through.</summary>
    public int Position => _spans.Position;

    /// <summary>The index after the last byte walked through; it may be inside a character.</summary>
    public long BytePosition => _spans.ByteCount;

    /// <summary>Walks to the end of a number of tokens, and returns the size of the text since the last call.</summary>
    /// <param name="until">Tokens from the document's first.</param>
    /// <param name="ends">
    /// Receives for each token walked the index after its last character and after its last byte; may be <see langword="null"/>.
    /// </param>
    public TextSize Walk(int until, List<(int Character, long Byte)>? ends = null)
    {
        int start = _spans.Position;
        long bytes = _spans.ByteCount;
        int after = _walked == 0 ? -1 : start;
        for (; _walked < until; _walked++)
        {
            if (_walked == ids.Length - 1) _spans.Finish();
            else _spans.Advance(ids[_walked]);
            ends?.Add((_spans.Position, _spans.ByteCount));
        }

        var text = document.Text.AsSpan();
        return new(
            _spans.ByteCount - bytes,
            TextSize.CountCharacters(text[start.._spans.Position]),
            TextSize.CountWordsEnding(text, after, _spans.Position));
    }
}
