using System.Runtime.InteropServices;

namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>
/// Divides documents into windows, and windows into chunks, while they are read. Keeps one document in memory, or as
/// much of joined documents as a window needs.
/// </summary>
internal sealed class ChunkSplitter
{
    /// <summary>
    /// The number of input tokens at which a chunk ends with its window: about a second of work for a small GPT-2 on two cores.
    /// </summary>
    public const int RowsPerChunk = 1024;

    private const int StartToken = -1;

    private readonly ScoringOptions _options;
    private readonly GptConfig _config;
    private readonly ITextTokenizer _tokenizer;
    private readonly bool _keepsEnds;
    private readonly bool _isJoined;

    // The text that the windows cover: its tokens, and for each the document and the index in it. Tokens that are no
    // longer needed have been dropped.
    private readonly List<int> _ids = [];
    private readonly List<(EncodedDocument? Document, int Index)> _origins = [];
    private readonly Queue<EncodedDocument> _unopened = new();
    private long _dropped;
    private WindowCursor _cursor;
    private Chunk _chunk = new(0);
    private long _documents, _characters;

    /// <param name="options">Validated.</param>
    /// <param name="config">The model's configuration.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="keepsEnds">Whether to keep where each token ends in its text.</param>
    public ChunkSplitter(ScoringOptions options, GptConfig config, ITextTokenizer tokenizer, bool keepsEnds)
    {
        (_options, _config, _tokenizer, _keepsEnds) = (options, config, tokenizer, keepsEnds);
        _isJoined = options.Documents != DocumentBoundaries.Separate;
        _cursor = NewCursor();
    }

    /// <summary>Returns all chunks of a corpus.</summary>
    public IEnumerable<Chunk> Split(IEnumerable<CorpusDocument> documents, CancellationToken cancellationToken)
    {
        foreach (var document in documents)
        {
            Append(document, cancellationToken);
            foreach (var chunk in TakeWindows(isWhole: !_isJoined)) yield return chunk;
            if (!_isJoined) BeginText();
        }

        foreach (var chunk in TakeWindows(isWhole: true)) yield return chunk;
        OpenDocumentsBefore(null);
        if (_chunk.Spans.Count > 0) yield return Finish();
    }

    private WindowCursor NewCursor() => new(_options.WindowLengthFor(_config), _options.StrideFor(_config), _options.LastWindow);

    private void Append(CorpusDocument document, CancellationToken cancellationToken)
    {
        int[] ids = _tokenizer.Encode(document.Text, _options.SpecialTokens, cancellationToken);
        var encoded = new EncodedDocument(_documents, _characters, document, ids, _tokenizer);
        _unopened.Enqueue(encoded);
        if (_options.PrependEndOfText && (_documents == 0 || !_isJoined)) Append(_tokenizer.BeginningOfTextId!.Value, null, StartToken);
        for (int index = 0; index < encoded.Ids.Length; index++) Append(encoded.Ids[index], encoded, index);
        if (_options.Documents == DocumentBoundaries.JoinedByEndOfText) Append(_tokenizer.EndOfTextId!.Value, encoded, encoded.Ids.Length);
        _documents++;
        _characters += document.Text.Length;
    }

    private void Append(int id, EncodedDocument? document, int index)
    {
        _ids.Add(id);
        _origins.Add((document, index));
    }

    private void BeginText()
    {
        OpenDocumentsBefore(null);
        _ids.Clear();
        _origins.Clear();
        _dropped = 0;
        _cursor = NewCursor();
    }

    private IEnumerable<Chunk> TakeWindows(bool isWhole)
    {
        while (_cursor.TryNext(_dropped + _ids.Count - 1, isWhole, out var window))
        {
            AddWindow(window);
            if (_chunk.Windows.RowCount >= RowsPerChunk) yield return Finish();
        }

        // Dropping tokens moves the rest, so it is done rarely.
        int unneeded = (int)(_cursor.FirstNeeded - _dropped);
        if (unneeded >= 1 << 16 && unneeded >= _ids.Count / 2)
        {
            _ids.RemoveRange(0, unneeded);
            _origins.RemoveRange(0, unneeded);
            _dropped += unneeded;
        }
    }

    private void AddWindow(ScoringWindow window)
    {
        int start = (int)(window.Start - _dropped);
        _chunk.Windows.Add(CollectionsMarshal.AsSpan(_ids).Slice(start, window.Length + 1), window.ContextCount);
        for (int i = start + window.ContextCount + 1; i <= start + window.Length; i++)
        {
            var (document, index) = _origins[i];
            if (_chunk.Spans.Count == 0 || _chunk.Spans[^1].Document != document) OpenSpan(document!, index);
            _chunk.Spans[^1].TargetCount++;
        }
    }

    private void OpenSpan(EncodedDocument document, int index)
    {
        OpenDocumentsBefore(document);
        bool opens = _unopened.TryPeek(out var first) && first == document;
        if (opens) _unopened.Dequeue();
        _chunk.Spans.Add(new(document, index, opens));
    }

    // Documents in which nothing is predicted keep their place in the order, so that they are counted.
    private void OpenDocumentsBefore(EncodedDocument? document)
    {
        while (_unopened.TryPeek(out var first) && first != document && (document is null || first.Index < document.Index))
        {
            _chunk.Spans.Add(new(_unopened.Dequeue(), 0, opensDocument: true));
        }
    }

    private Chunk Finish()
    {
        var chunk = _chunk;
        foreach (var span in chunk.Spans)
        {
            if (span.TargetCount > 0) span.Measure(_keepsEnds);
        }

        var last = chunk.Spans[^1];
        int characters = last.TargetCount > 0 ? last.Document.Position : last.Document.Text.Length;
        chunk.CharactersThrough = last.Document.CharactersBefore + characters;
        _chunk = new(chunk.Index + 1);
        return chunk;
    }
}
