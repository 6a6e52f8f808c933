
namespace MLNet.Gpt.Generation;

/// <summary>
/// Generates several sequences at a time: each <see cref="Advance"/> adds a token to every running sequence, all in one
/// pass over the model's weights if possible, and starts the next request when one has ended.
/// </summary>
internal sealed class GenerationLoop : IDisposable
{
    private readonly ISequenceModel _model;
    private readonly GenerationOptions _options;
    private readonly bool _usesLookup;
    private readonly IEnumerator<WritingRequest> _requests;
    private readonly TokenSampler _sampler;
    private readonly List<SequenceWriter> _running = [];
    private readonly List<ISequence> _stepSequences = [];
    private readonly List<int> _stepIds = [];

    // The prompt that was read last, kept so that its other samples can fork from it.
    private ISequence? _root;
    private int[] _rootIds = [];
    private bool _hasNext;

    /// <param name="model">Computes the logits.</param>
    /// <param name="options">How to generate.</param>
    /// <param name="requests">What to write.</param>
    /// <param name="isSingle">
    /// Whether there is only one request, for which lookup decoding may add guesses to passes of one token.
    /// </param>
    public GenerationLoop(ISequenceModel model, GenerationOptions options, IEnumerable<WritingRequest> requests, bool isSingle)
    {
        _model = model;
        _options = options;
        _usesLookup = isSingle && options.LookupDecoding;
        _sampler = new(options);
        _requests = requests.GetEnumerator();
        _hasNext = _requests.MoveNext();
    }

    /// <summary>Whether every request has been written.</summary>
    public bool IsFinished => _running.Count == 0 && !_hasNext;

    /// <summary>Adds a token to every running sequence.</summary>
    /// <param name="written">
    /// Called for each with the text that became final; the finish reason of the writer is set if it has ended.
    /// </param>
    /// <param name="cancellationToken">Checked between the steps, and by the model during each.</param>
    public void Advance(Action<SequenceWriter, string> written, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Feed(written, cancellationToken);
        Start(cancellationToken);
        foreach (var writer in _running)
        {
            string text = writer.Write(_sampler);
            written(writer, text);
        }

        RemoveFinished();
    }

    public void Dispose()
    {
        _requests.Dispose();
        _root?.Dispose();
        foreach (var writer in _running) writer.Dispose();
        _running.Clear();
    }

    // Appends the last token of each running sequence to it.
    private void Feed(Action<SequenceWriter, string> written, CancellationToken cancellationToken)
    {
        _stepSequences.Clear();
        _stepIds.Clear();
        foreach (var writer in _running)
        {
            if (writer.Sequence.Position < _model.ContextLength && _usesLookup)
            {
                writer.Sequence.Append([writer.LastId], cancellationToken);
            }
            else if (writer.Sequence.Position < _model.ContextLength)
            {
                _stepSequences.Add(writer.Sequence);
                _stepIds.Add(writer.LastId);
            }
            else if (_options.Overflow == ContextOverflow.Stop)
            {
                string text = writer.Finish(FinishReason.ContextFull);
                written(writer, text);
            }
            else
            {
                writer.Sequence.Append(writer.Restart(_model.ContextLength), cancellationToken);
            }
        }

        if (_stepSequences.Count > 0) _model.Step(_stepSequences.ToArray(), _stepIds.ToArray(), cancellationToken);
        RemoveFinished();
    }

    private void Start(CancellationToken cancellationToken)
    {
        while (_hasNext && _running.Count < _options.BatchSize)
        {
            var request = _requests.Current;
            if (_root is null || !ReferenceEquals(_rootIds, request.PromptIds))
            {
                _root?.Dispose();
                _rootIds = request.PromptIds;
                _root = _model.Start();
                _root.Append(_rootIds.AsSpan(Math.Max(0, _rootIds.Length - _model.ContextLength)), cancellationToken);
            }

            _hasNext = _requests.MoveNext();
            bool isLastSample = !_hasNext || !ReferenceEquals(_rootIds, _requests.Current.PromptIds);
            var sequence = isLastSample ? _root : _root.Fork();
            if (_usesLookup)
            {
                sequence = new LookupSequence(sequence, request.PromptIds, _model.ContextLength, _model.Tokenizer.VocabularySize);
            }

            _running.Add(new(sequence, request, _model.Tokenizer, _options));
            if (isLastSample) _root = null;
        }
    }

    private void RemoveFinished()
    {
        foreach (var writer in _running)
        {
            if (writer.FinishReason is not null) writer.Dispose();
        }

        _running.RemoveAll(writer => writer.FinishReason is not null);
    }
}
