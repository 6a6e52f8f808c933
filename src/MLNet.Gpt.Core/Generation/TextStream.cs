using System.Threading.Channels;

namespace MLNet.Gpt.Generation;

/// <summary>A text that a <see cref="StreamScheduler"/> generates and a reader receives in chunks.</summary>
/// <remarks>
/// Generation runs a few chunks ahead of the reader. When it is far ahead, the scheduler drops the stream, and the
/// reader lets it join again: a stream that nobody reads costs nothing and is collected as garbage.
/// </remarks>
internal sealed class TextStream : IAsyncDisposable
{
    private const int MostChunksAhead = 16;

    private readonly StreamScheduler _scheduler;
    private readonly WritingRequest _request;
    private readonly GenerationOptions _options;
    private readonly TokenSampler _sampler;
    private readonly CancellationToken _readersToken;
    private readonly CancellationTokenSource _stop;
    private readonly Channel<GeneratedChunk> _chunks = Channel.CreateUnbounded<GeneratedChunk>(
        new() { SingleReader = true, SingleWriter = true });

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<int> _newIds = []; // since the last chunk
    private readonly List<ScoredToken> _newTokens = [];
    private ISequence? _sequence;
    private LookupSequence? _lookup;
    private SequenceWriter? _writer; // once the prompt has been read
    private ReadOnlyMemory<int> _unread;
    private int _seenCount;
    private int _chunksAhead;

    /// <param name="scheduler">Generates the text.</param>
    /// <param name="request">What to generate.</param>
    /// <param name="options">How to generate.</param>
    /// <param name="cancellationToken">Ends the stream.</param>
    public TextStream(StreamScheduler scheduler, WritingRequest request, GenerationOptions options, CancellationToken cancellationToken)
    {
        _scheduler = scheduler;
        _request = request;
        _options = options;
        _sampler = new(options);
        _readersToken = cancellationToken;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _unread = request.PromptIds.AsMemory(Math.Max(0, request.PromptIds.Length - scheduler.Model.ContextLength));
    }

    /// <summary>Whether nothing more will be generated.</summary>
    public bool HasEnded => _ended.Task.IsCompleted;

    /// <summary>Whether generation should wait for the reader.</summary>
    public bool IsFarAhead => Volatile.Read(ref _chunksAhead) >= MostChunksAhead;

    /// <summary>How many tokens the sequence must read before the next one is chosen.</summary>
    public int UnreadCount => _unread.Length;

    /// <summary>The first of these tokens.</summary>
    public int NextId => _unread.Span[0];

    /// <summary>The sequence to append it to.</summary>
    public ISequence Sequence => _sequence!;

    /// <summary>Generates the text and yields its chunks, each as soon as it is final.</summary>
    public async IAsyncEnumerable<GeneratedChunk> ReadAsync()
    {
        _readersToken.ThrowIfCancellationRequested();
        _scheduler.Join(this);
        while (await _chunks.Reader.WaitToReadAsync(_readersToken).ConfigureAwait(false))
        {
            if (!_chunks.Reader.TryRead(out var chunk)) continue;
            if (Interlocked.Decrement(ref _chunksAhead) == MostChunksAhead / 2) _scheduler.Join(this);
            yield return chunk;
        }
    }

    /// <summary>Ends the stream; completes when no thread works on it any longer.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _scheduler.Leave(this);
        await _ended.Task.ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>Does something unless the stream has ended; an exception ends it and reaches the reader.</summary>
    public void Try(Action<TextStream> action)
    {
        if (HasEnded) return;
        try
        {
            action(this);
        }
        catch (OperationCanceledException) when (_readersToken.IsCancellationRequested)
        {
            End(new OperationCanceledException(_readersToken));
        }
        catch (Exception e)
        {
            End(e);
        }
    }

    /// <summary>Creates the sequence the first time; fails if the stream was canceled.</summary>
    public void Start()
    {
        _stop.Token.ThrowIfCancellationRequested();
        _sequence ??= _scheduler.Model.Start();
    }

    /// <summary>Reads unread tokens in a pass of their own and, after the last of them, writes a token.</summary>
    /// <param name="most">How many tokens to read at most.</param>
    public void Read(int most)
    {
        int count = Math.Min(most, _unread.Length);
        if (count == 1 && _lookup is not null) _lookup.Append(_unread.Span, _stop.Token);
        else _sequence!.Append(_unread.Span[..count], _stop.Token);
        Write(count);
    }

    /// <summary>Appends the next token to the sequence in a pass of its own.</summary>
    public void StepAlone() => _sequence!.Append(_unread.Span[..1], _stop.Token);

    /// <summary>Whether the next token is in the sequence already because lookup decoding guessed it.</summary>
    public bool WasGuessed() => _lookup is not null && _lookup.Confirm(NextId);

    /// <summary>Advances past tokens that the sequence has read and, after the last of them, writes a token.</summary>
    public void Write(int readCount)
    {
        _unread = _unread[readCount..];
        if (_unread.Length > 0) return;
        _writer ??= NewWriter();
        Deliver(_writer.Write(_sampler));
        if (HasEnded) return;
        if (_writer.Sequence.Position < _scheduler.Model.ContextLength) _unread = new[] { _writer.LastId };
        else if (_options.Overflow == ContextOverflow.Stop) Deliver(_writer.Finish(FinishReason.ContextFull));
        else _unread = _writer.Restart(_scheduler.Model.ContextLength);
    }

    /// <summary>Frees the sequence; the reader gets the remaining chunks and then the error, if any.</summary>
    public void End(Exception? error)
    {
        if (HasEnded) return;
        _sequence?.Dispose();
        _chunks.Writer.TryComplete(error);
        _ended.TrySetResult();
    }

    private SequenceWriter NewWriter()
    {
        var model = _scheduler.Model;
        if (_options.LookupDecoding)
        {
            _lookup = new(_sequence!, _request.PromptIds, model.ContextLength, model.Tokenizer.VocabularySize);
        }

        return new(_lookup ?? _sequence!, _request, model.Tokenizer, _options);
    }

    private void Deliver(string text)
    {
        _newIds.AddRange(_writer!.TokenIds.Skip(_seenCount));
        _newTokens.AddRange(_writer.Tokens.Skip(_seenCount));
        _seenCount = _writer.TokenCount;
        var reason = _writer.FinishReason;
        if (text.Length == 0 && reason is null) return;

        Interlocked.Increment(ref _chunksAhead);
        _chunks.Writer.TryWrite(new(text, [.. _newIds], [.. _newTokens], reason));
        _newIds.Clear();
        _newTokens.Clear();
        if (reason is not null) End(null);
    }
}
