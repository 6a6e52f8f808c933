using System.Runtime.InteropServices;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Generation;

/// <summary>A text to be generated.</summary>
/// <param name="Index">The index among all texts of the call.</param>
/// <param name="PromptIds">The prompt, not cropped; at least one token.</param>
/// <param name="SampleIndex">The index of the prompt's sample.</param>
/// <param name="Seed">The seed of the prompt's random generators.</param>
internal sealed record WritingRequest(int Index, int[] PromptIds, int SampleIndex, long Seed);

/// <summary>A text being generated: its tokens, its sequence in the model, its random generator and its text so far.</summary>
internal sealed class SequenceWriter : IDisposable
{
    private readonly GenerationOptions _options;
    private readonly ITextTokenizer _tokenizer;
    private readonly int _tokenCount; // ids that have a text
    private readonly int[] _endIds;
    private readonly ISequence _sequence;
    private readonly TokenDrawer _drawer;
    private readonly TokenHistory _history;
    private readonly ITokenStreamDecoder _decoder;
    private readonly StopSequenceFilter _stopFilter;
    private readonly List<int> _ids; // those of the prompt and those generated

    /// <param name="sequence">Already contains the prompt, cropped to the context; owned from now on.</param>
    /// <param name="request">What to write.</param>
    /// <param name="tokenizer">Decodes what is generated.</param>
    /// <param name="options">How to generate.</param>
    public SequenceWriter(ISequence sequence, WritingRequest request, ITextTokenizer tokenizer, GenerationOptions options)
    {
        _sequence = sequence;
        Request = request;
        _tokenizer = tokenizer;
        _tokenCount = FittedTokenizer.TokenCountOf(tokenizer);
        _options = options;
        _endIds = [.. options.StopAtEndOfText ? tokenizer.EndIds : [], .. options.StopIds];
        _ids = [.. request.PromptIds];
        _drawer = TokenDrawer.Create(options.RandomAlgorithm, request.Seed, request.SampleIndex);
        _history = new(request.PromptIds);
        _stopFilter = new(options.StopSequences);

        // A prompt of ids can end in the middle of a character, which the generated tokens then complete.
        _decoder = tokenizer.CreateStreamDecoder();
        foreach (int id in request.PromptIds) _decoder.Append(id);
    }

    public WritingRequest Request { get; }

    /// <summary>The generated tokens.</summary>
    public IEnumerable<int> TokenIds => _ids.Skip(Request.PromptIds.Length);

    public int TokenCount => _ids.Count - Request.PromptIds.Length;

    /// <summary>The generated tokens with the model's probabilities; empty if these were not requested.</summary>
    public List<ScoredToken> Tokens { get; } = [];

    public FinishReason? FinishReason { get; private set; }

    public ISequence Sequence => _sequence;

    /// <summary>The last generated token.</summary>
    public int LastId => _ids[^1];

    /// <summary>
    /// Chooses the next token from the current logits of the sequence, and returns the text that is final after it.
    /// </summary>
    public string Write(TokenSampler sampler)
    {
        var logits = _sequence.Logits;
        int id = sampler.Sample(logits, _history, _drawer, _tokenCount);
        if (_endIds.Contains(id)) return Finish(Gpt.FinishReason.EndOfText);

        _ids.Add(id);
        _history.Add(id);
        string decoded = _decoder.Append(id);
        if (_options.ReturnLogProbabilities || _options.CandidateCount > 0) AddScored(id, decoded, logits);

        string text = _stopFilter.Append(decoded);
        if (_stopFilter.IsStopped) FinishReason = Gpt.FinishReason.StopSequence;
        else if (TokenCount == _options.MaxTokens) text += Finish(Gpt.FinishReason.Length);
        return text;
    }

    /// <summary>Ends the text and returns what was held back.</summary>
    public string Finish(FinishReason reason)
    {
        string text = _stopFilter.Append(_decoder.Flush());
        FinishReason = _stopFilter.IsStopped ? Gpt.FinishReason.StopSequence : reason;
        return text + _stopFilter.Flush();
    }

    /// <summary>
    /// Empties the sequence, whose context is full, and returns the last tokens, including the last generated one, which it
    /// must read again.
    /// </summary>
    public int[] Restart(int contextLength)
    {
        int count = _options.Overflow == ContextOverflow.Slide ? contextLength : Math.Max(1, contextLength / 2);

        // Guesses look at every token; a single one is confirmed when it is appended.
        if (count > 1 && _sequence is LookupSequence lookup) lookup.Confirm(LastId);
        _sequence.Truncate(0);
        return [.. CollectionsMarshal.AsSpan(_ids)[^count..]];
    }

    public void Dispose() => _sequence.Dispose();

    private void AddScored(int id, string text, ReadOnlySpan<float> logits)
    {
        var previous = Tokens.Count > 0 ? Tokens[^1] : null;
        var (logProbability, rank, top, candidates) = LogProbabilities.Of(id, logits, _options.CandidateCount, _tokenizer);
        Tokens.Add(new(TokenPiece.Of(_tokenizer, id), text)
        {
            Position = Tokens.Count,
            Start = previous is null ? 0 : previous.Start + previous.Length,
            ByteStart = previous is null ? 0 : previous.ByteStart!.Value + previous.Piece.Bytes.Length,
            LogProbability = logProbability,
            Rank = rank,
            TopLogProbability = top,
            ContextCount = _sequence.Position,
            Candidates = candidates,
        });
    }
}
