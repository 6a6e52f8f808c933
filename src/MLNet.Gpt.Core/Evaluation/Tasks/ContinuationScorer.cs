using MLNet.Gpt.Evaluation.Tasks;

namespace MLNet.Gpt;

/// <summary>
/// Measures how likely a model finds a given continuation of a context: the log-likelihood per token and in sum, and whether it is the
/// greedy continuation. Thread-safe.
/// </summary>
/// <remarks>
/// Context and continuation are encoded and divided as lm-evaluation-harness does. White space at the end of the context moves to the
/// continuation; both are encoded together, and the tokens after as many as the context alone has are the continuation's. An empty
/// context is the token that begins a text. If a pair is longer than the model's context, tokens at its beginning are dropped. The scores
/// do not depend on which pairs are scored together, to the last bit.
/// </remarks>
public sealed class ContinuationScorer
{
    private readonly GptModel _model;
    private readonly ContinuationEncoder _encoder;
    private readonly int _batchTokenCount;

    /// <summary>Initializes a scorer for a model.</summary>
    /// <param name="model">The model. Not owned: it must outlive the scorer.</param>
    /// <param name="options">How pairs are encoded and scored; the defaults if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The options do not fit the model.</exception>
    public ContinuationScorer(GptModel model, ContinuationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        options = (options ?? new()).ValidatedFor(model);
        (_encoder, _batchTokenCount) = (new(model, options), options.BatchTokenCount);
    }

    /// <summary>Scores a continuation.</summary>
    /// <param name="context">What precedes it; may be empty.</param>
    /// <param name="continuation">The continuation, including the space that separates it from the context.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="ArgumentException">
    /// The continuation has no tokens of its own, or more than the model can see; or the context is empty and the vocabulary has no token
    /// that begins a text.
    /// </exception>
    /// <exception cref="InvalidOperationException">A loss is not a number, because weights are NaN or activations overflow.</exception>
    /// <exception cref="OperationCanceledException">The computation was canceled.</exception>
    public ContinuationScore Score(string context, string continuation, CancellationToken cancellationToken = default) =>
        Score([new TaskChoice(context, continuation)], cancellationToken)[0];

    /// <summary>Scores a continuation on the thread pool.</summary>
    /// <inheritdoc cref="Score(string, string, CancellationToken)"/>
    public Task<ContinuationScore> ScoreAsync(string context, string continuation, CancellationToken cancellationToken = default) =>
        Task.Run(() => Score(context, continuation, cancellationToken), cancellationToken);

    /// <summary>Scores several continuations of one context.</summary>
    /// <param name="context">What precedes them; may be empty.</param>
    /// <param name="continuations">The continuations, each including the space that separates it from the context.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <inheritdoc cref="Score(string, string, CancellationToken)" path="/exception"/>
    public IReadOnlyList<ContinuationScore> Score(
        string context, IReadOnlyList<string> continuations, CancellationToken cancellationToken = default) =>
        Score([.. continuations.Select(continuation => new TaskChoice(context, continuation))], cancellationToken);

    /// <summary>Scores many pairs together; each gets the same bits as alone.</summary>
    /// <param name="pairs">The pairs.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <inheritdoc cref="Score(string, string, CancellationToken)" path="/exception"/>
    public IReadOnlyList<ContinuationScore> Score(IReadOnlyList<TaskChoice> pairs, CancellationToken cancellationToken = default)
    {
        EncodedContinuation[] encoded = [.. pairs.Select(pair => _encoder.Encode(pair.Context, pair.Continuation, cancellationToken))];
        var scores = ContinuationBatch.Score(_model, encoded, cancellationToken);
        return [.. encoded.Select((pair, i) => new ContinuationScore(_model.Tokenizer, pair, scores[i]))];
    }

    /// <summary>
    /// Scores what counts of sequences, such as the responses of an <see cref="InstructionEncoder"/>: the tokens from
    /// <see cref="TrainingSequence.FirstTarget"/> on.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A sequence has a label, nothing that counts, more tokens than the model can see, or an id outside the vocabulary.
    /// </exception>
    internal IReadOnlyList<ContinuationScore> ScoreTargets(IReadOnlyList<TrainingSequence> sequences, CancellationToken cancellationToken)
    {
        EncodedContinuation[] encoded = [.. sequences.Select(_encoder.Encode)];
        var results = new List<ContinuationScore>(encoded.Length);
        for (int first = 0, end; first < encoded.Length; first = end)
        {
            int tokens = encoded[first].Ids.Length;
            for (end = first + 1; end < encoded.Length && tokens + encoded[end].Ids.Length <= _batchTokenCount; end++)
            {
                tokens += encoded[end].Ids.Length;
            }

            var batch = encoded[first..end];
            var scores = ContinuationBatch.Score(_model, batch, cancellationToken);
            results.AddRange(batch.Select((each, i) => new ContinuationScore(_model.Tokenizer, each, scores[i])));
        }

        return results;
    }

    /// <summary>Scores many pairs on the thread pool.</summary>
    /// <inheritdoc cref="Score(IReadOnlyList{TaskChoice}, CancellationToken)"/>
    public Task<IReadOnlyList<ContinuationScore>> ScoreAsync(
        IReadOnlyList<TaskChoice> pairs, CancellationToken cancellationToken = default) =>
        Task.Run(() => Score(pairs, cancellationToken), cancellationToken);

    /// <summary>Returns the ids that the model reads before a continuation, and those that are scored.</summary>
    /// <inheritdoc cref="Score(string, string, CancellationToken)" path="/param|/exception"/>
    public (int[] Context, int[] Continuation) Encode(string context, string continuation, CancellationToken cancellationToken = default)
    {
        var encoded = _encoder.Encode(context, continuation, cancellationToken);
        return (encoded.Ids[..encoded.ContextCount], encoded.Ids[encoded.ContextCount..]);
    }
}
