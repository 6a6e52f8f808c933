using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// One sequence being read or written: its tokens' keys and values are kept, so that each token is computed once. The
/// session owns them; <see cref="Dispose"/> frees them, but not the model. Not thread-safe.
/// </summary>
public sealed class GptSession : IDisposable
{
    private const int Busy = 1;
    private const int Disposed = 2;

    private readonly KvCache _cache;
    private float[]? _logits;
    private float[]? _nextLogits;
    private bool _hasLogits;
    private int _state;

    internal GptSession(GptModel model)
    {
        Model = model;
        _cache = new KvCache(model.Config, model.Weights.Kernels, model.Config.LayerCount, model.Config.ContextLength);
    }

    /// <summary>The model that the session runs on.</summary>
    public GptModel Model { get; }

    /// <summary>Tokens in the session, from 0 to the context length.</summary>
    public int Position { get; private set; }

    /// <summary>
    /// The logits after the last token, (V); valid until the session changes. Empty before the first token and after
    /// <see cref="Truncate"/>.
    /// </summary>
    public ReadOnlySpan<float> Logits => _hasLogits ? _logits : [];

    /// <summary>The cache, for callers that have entered.</summary>
    internal KvCache Cache => _cache;

    /// <summary>
    /// The model writes the logits after the tokens that it appends here, (V). They become current with <see cref="Advance"/>.
    /// </summary>
    internal float[] NextLogits => _nextLogits ??= GC.AllocateUninitializedArray<float>(Model.Config.VocabularySize);

    /// <summary>
    /// Appends tokens and returns the logits after the last of them. If <paramref name="ids"/> is empty, the current logits
    /// are returned.
    /// </summary>
    /// <param name="ids">
    /// As many as fit: <see cref="Position"/> and their count add up to at most the context length.
    /// </param>
    /// <param name="cancellationToken">Checked between blocks of the model.</param>
    /// <remarks>If it throws, whatever the reason, the session is unchanged.</remarks>
    /// <exception cref="ArgumentException">The tokens do not fit the context.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    /// <exception cref="ObjectDisposedException">The session or its model was disposed.</exception>
    public ReadOnlySpan<float> Append(ReadOnlySpan<int> ids, CancellationToken cancellationToken = default)
    {
        int[] appended = TokenIds.Copy(ids, Model.Config.VocabularySize, nameof(ids));
        Enter();
        try
        {
            if (appended.Length > 0)
            {
                Reserve(appended.Length);
                Model.Append(this, appended, [], cancellationToken);
            }

            return Logits;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Appends tokens and computes the logits after each of them, all in one pass over the weights.</summary>
    /// <param name="ids">
    /// As many as fit: <see cref="Position"/> and their count add up to at most the context length.
    /// </param>
    /// <param name="logits">
    /// Receives (T, V), row-major: one row per appended token; the last is also <see cref="Logits"/>.
    /// </param>
    /// <param name="cancellationToken">Checked between blocks of the model.</param>
    /// <remarks>
    /// If it throws, whatever the reason, the session is unchanged; <paramref name="logits"/> may have been written to.
    /// </remarks>
    /// <exception cref="ArgumentException">
    /// The tokens do not fit the context, or there is not room for exactly one row of logits per token.
    /// </exception>
    /// <inheritdoc cref="Append(ReadOnlySpan{int}, CancellationToken)" path="/exception"/>
    public void Append(ReadOnlySpan<int> ids, Span<float> logits, CancellationToken cancellationToken = default)
    {
        int vocabulary = Model.Config.VocabularySize;
        int[] appended = TokenIds.Copy(ids, vocabulary, nameof(ids));
        if (logits.Length != (long)ids.Length * vocabulary)
        {
            throw new ArgumentException(
                $"There is room for {Quantity.Of(logits.Length, "logit")}; "
                + $"the results are {ids.Length} × {vocabulary} = {(long)ids.Length * vocabulary}.",
                nameof(logits));
        }

        Enter();
        try
        {
            if (appended.Length == 0) return;
            Reserve(appended.Length);
            Model.Append(this, appended, logits, cancellationToken);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>
    /// Removes all tokens from a position on; logits are empty until the next
    /// <see cref="Append(ReadOnlySpan{int}, CancellationToken)"/>.
    /// </summary>
    /// <param name="position">From 0 to <see cref="Position"/>; at <see cref="Position"/> nothing changes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The session has no such position.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Truncate(int position)
    {
        Enter();
        try
        {
            if (position < 0 || position > Position)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(position), position, $"Position {position} is not in the session, which has {Quantity.Of(Position, "token")}.");
            }

            if (position == Position) return;
            Position = position;
            _hasLogits = false;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Creates an independent session that continues from the same tokens.</summary>
    /// <exception cref="InvalidOperationException">Another thread is using the session.</exception>
    /// <exception cref="ObjectDisposedException">The session or its model was disposed.</exception>
    public GptSession Fork()
    {
        Enter();
        GptSession? fork = null;
        try
        {
            fork = Model.CreateSession();
            fork._cache.CopyFrom(_cache, Position);
            fork.Position = Position;
            if (!_hasLogits) return fork;
            _logits.AsSpan().CopyTo(fork.NextLogits);
            fork.Advance(Position);
            return fork;
        }
        catch
        {
            fork?.Dispose();
            throw;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Frees the cache, at once or when a call on another thread ends.</summary>
    public void Dispose()
    {
        if (Interlocked.Or(ref _state, Disposed) == 0) _cache.Dispose();
    }

    /// <summary>Returns how much of the context is used, such as "17 of 1024 tokens".</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Position} of {Model.Config.ContextLength} tokens");

    /// <summary>Claims the session for one call.</summary>
    internal void Enter()
    {
        int state = Interlocked.CompareExchange(ref _state, Busy, 0);
        ObjectDisposedException.ThrowIf((state & Disposed) != 0, this);
        if (state != 0)
        {
            throw new InvalidOperationException(
                "The session is already in use; a session supports one call at a time and may occur only once in a step.");
        }
    }

    /// <summary>Ends the claim.</summary>
    internal void Leave()
    {
        if (Interlocked.And(ref _state, ~Busy) == (Busy | Disposed)) _cache.Dispose();
    }

    /// <summary>Makes room for more tokens.</summary>
    /// <exception cref="ArgumentException">The context is too short.</exception>
    internal void Reserve(int count)
    {
        int limit = Model.Config.ContextLength;
        if (count > limit - Position)
        {
            throw new ArgumentException(
                $"There is no room for {Quantity.Of(count, "more token")}: "
                + $"the session has {Position} of at most {limit}, the context length.",
                "ids");
        }

        _cache.EnsureCapacity(Position + count);
    }

    /// <summary>Advances to a position whose <see cref="NextLogits"/> have been written. Cannot fail.</summary>
    internal void Advance(int position)
    {
        (_logits, _nextLogits) = (_nextLogits, _logits);
        Position = position;
        _hasLogits = true;
    }
}
