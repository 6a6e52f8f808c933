using MLNet.Gpt.Evaluation.Scoring;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>
/// Cuts documents, as they come, into windows and these into pieces of work. Holds one document, or of joined ones as
/// much as a window needs.
/// </summary>
internal sealed class PieceCutter
{
    /// <summary>
    /// Tokens given to the model after which a piece ends with its window: about a second of work for a small GPT-2 on
    /// two cores.
    /// </summary>
    public const int RowsPerPiece = 1024;

    private const int StartToken = -1;

    private readonly ScoringOptions _options;
    private readonly GptConfig _config;
    private readonly ITextTokenizer _tokenizer;
    private readonly bool _notesEnds;
    private readonly bool _isJoined;

    // The text that windows lie on: its tokens, and for each the document and its place there. The first have been dropped.
    private readonly List<int> _ids = [];
    private readonly List<(EncodedDocument? Document, int Place)> _origins = [];
    private readonly Queue<EncodedDocument> _unopened = new();
    private long _dropped;
    private WindowCursor _cursor;
    private CorpusPiece _piece = new(0);
    private long _documents, _characters;

    /// <param name="options">Validated.</param>
    /// <param name="config">The model's sizes.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="notesEnds">Whether the place of each token in its text is wanted.</param>
    public PieceCutter(ScoringOptions options, GptConfig config, ITextTokenizer tokenizer, bool notesEnds)
    {
        (_options, _config, _tokenizer, _notesEnds) = (options, config, tokenizer, notesEnds);
        _isJoined = options.Documents != DocumentBoundaries.Separate;
        _cursor = NewCursor();
    }

    /// <summary>All pieces of a corpus.</summary>
    public IEnumerable<CorpusPiece> Cut(IEnumerable<CorpusDocument> documents)
    {
        foreach (var document in documents)
        {
            Append(document);
            foreach (var piece in TakeWindows(isWhole: !_isJoined)) yield return piece;
            if (!_isJoined) BeginText();
        }

        foreach (var piece in TakeWindows(isWhole: true)) yield return piece;
        OpenDocumentsBefore(null);
        if (_piece.Parts.Count > 0) yield return Finish();
    }

    private WindowCursor NewCursor() => new(_options.WindowLengthFor(_config), _options.StrideFor(_config), _options.LastWindow);

    private void Append(CorpusDocument document)
    {
        var encoded = new EncodedDocument(_documents, _characters, document, _tokenizer.Encode(document.Text, _options.SpecialTokens), _tokenizer);
        _unopened.Enqueue(encoded);
        if (_options.PrependEndOfText && (_documents == 0 || !_isJoined)) Append(_tokenizer.BeginningOfTextId!.Value, null, StartToken);
        for (int place = 0; place < encoded.Ids.Length; place++) Append(encoded.Ids[place], encoded, place);
        if (_options.Documents == DocumentBoundaries.JoinedByEndOfText) Append(_tokenizer.EndOfTextId!.Value, encoded, encoded.Ids.Length);
        _documents++;
        _characters += document.Text.Length;
    }

    private void Append(int id, EncodedDocument? document, int place)
    {
        _ids.Add(id);
        _origins.Add((document, place));
    }

    private void BeginText()
    {
        OpenDocumentsBefore(null);
        _ids.Clear();
        _origins.Clear();
        _dropped = 0;
        _cursor = NewCursor();
    }

    private IEnumerable<CorpusPiece> TakeWindows(bool isWhole)
    {
        while (_cursor.TryNext(_dropped + _ids.Count - 1, isWhole, out var window))
        {
            AddWindow(window);
            if (_piece.Windows.RowCount >= RowsPerPiece) yield return Finish();
        }

        // Dropping moves what is left: now and then is enough.
        int needless = (int)(_cursor.FirstNeeded - _dropped);
        if (needless >= 1 << 16 && needless >= _ids.Count / 2)
        {
            _ids.RemoveRange(0, needless);
            _origins.RemoveRange(0, needless);
            _dropped += needless;
        }
    }

    private void AddWindow(ScoringWindow window)
    {
        int start = (int)(window.Start - _dropped);
        _piece.Windows.Add(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_ids).Slice(start, window.Length + 1), window.ContextCount);
        for (int i = start + window.ContextCount + 1; i <= start + window.Length; i++)
        {
            var (document, place) = _origins[i];
            if (_piece.Parts.Count == 0 || _piece.Parts[^1].Document != document) OpenPart(document!, place);
            _piece.Parts[^1].TargetCount++;
        }
    }

    private void OpenPart(EncodedDocument document, int place)
    {
        OpenDocumentsBefore(document);
        bool opens = _unopened.TryPeek(out var first) && first == document;
        if (opens) _unopened.Dequeue();
        _piece.Parts.Add(new(document, place, opens));
    }

    // Documents in which nothing is predicted take their place in the order, so that they are counted.
    private void OpenDocumentsBefore(EncodedDocument? document)
    {
        while (_unopened.TryPeek(out var first) && first != document && (document is null || first.Index < document.Index))
        {
            _piece.Parts.Add(new(_unopened.Dequeue(), 0, opensDocument: true));
        }
    }

    private CorpusPiece Finish()
    {
        var piece = _piece;
        foreach (var part in piece.Parts)
        {
            if (part.TargetCount > 0) part.Measure(_notesEnds);
        }

        var last = piece.Parts[^1];
        piece.CharactersThrough = last.Document.CharactersBefore + (last.TargetCount > 0 ? last.Document.Position : last.Document.Text.Length);
        _piece = new(piece.Index + 1);
        return piece;
    }
}
