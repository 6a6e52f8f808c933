using System.Runtime.InteropServices;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Generation.Sampling;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Generation;

/// <summary>One text being generated: its tokens, its place in the model's context, its random generator and its text so far.</summary>
internal sealed class SequenceWriter : IDisposable
{
    private readonly GenerationOptions _options;
    private readonly ITextTokenizer _tokenizer;
    private readonly int _tokenCount; // ids that stand for text
    private readonly ISequence _sequence;
    private readonly ITokenDrawer _drawer;
    private readonly TokenHistory _history;
    private readonly ITokenStreamDecoder _decoder;
    private readonly StopSequenceFilter _stopFilter;
    private readonly List<int> _ids; // The prompt's and the generated.

    /// <param name="sequence">Already holds the prompt, cropped to the context; owned from now on.</param>
    /// <param name="request">What is to be written.</param>
    /// <param name="tokenizer">Decodes what is generated.</param>
    /// <param name="options">How it is generated.</param>
    public SequenceWriter(ISequence sequence, WritingRequest request, ITextTokenizer tokenizer, GenerationOptions options)
    {
        _sequence = sequence;
        Request = request;
        _tokenizer = tokenizer;
        _tokenCount = FittedTokenizer.TokenCountOf(tokenizer);
        _options = options;
        _ids = [.. request.PromptIds];
        _drawer = options.RandomAlgorithm switch
        {
            RandomAlgorithm.PyTorch => new PyTorchDrawer(unchecked(request.Seed + request.SampleIndex)),
            RandomAlgorithm.Xoshiro256 => new XoshiroDrawer(request.Seed, request.SampleIndex),
            _ => throw Check.Undefined(options.RandomAlgorithm, nameof(options)),
        };
        _history = new(request.PromptIds);
        _stopFilter = new(options.StopSequences);

        // A prompt of ids can end inside a character; what is generated then completes it.
        _decoder = tokenizer.CreateStreamDecoder();
        foreach (int id in request.PromptIds) _decoder.Append(id);
    }

    public WritingRequest Request { get; }

    public List<GeneratedToken> Tokens { get; } = [];

    public FinishReason? FinishReason { get; private set; }

    public ISequence Sequence => _sequence;

    /// <summary>The last generated token.</summary>
    public int LastId => _ids[^1];

    /// <summary>Chooses the next token by the sequence's current logits and returns the text that is certain with it.</summary>
    public string Write(TokenSampler sampler)
    {
        var logits = _sequence.Logits;
        int id = sampler.Sample(logits, _history, _drawer, _tokenCount);
        if (_options.StopAtEndOfText && id == _tokenizer.EndOfTextId) return Finish(Gpt.FinishReason.EndOfText);

        _ids.Add(id);
        _history.Add(id);
        Tokens.Add(_options.ReturnLogProbabilities || _options.CandidateCount > 0 ? LogProbabilities.Describe(id, logits, _options.CandidateCount) : new(id));

        string text = _stopFilter.Append(_decoder.Append(id));
        if (_stopFilter.IsStopped) FinishReason = Gpt.FinishReason.StopSequence;
        else if (Tokens.Count == _options.MaxTokens) text += Finish(Gpt.FinishReason.Length);
        return text;
    }

    /// <summary>Ends the text and returns what was held back.</summary>
    public string Finish(FinishReason reason)
    {
        string text = _stopFilter.Append(_decoder.Flush());
        FinishReason = _stopFilter.IsStopped ? Gpt.FinishReason.StopSequence : reason;
        return text + _stopFilter.Flush();
    }

    /// <summary>Reads the last tokens anew into an emptied sequence.</summary>
    /// <param name="count">How many, the last generated one among them.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public void Reread(int count, CancellationToken cancellationToken)
    {
        _sequence.Truncate(0);
        _sequence.Append(CollectionsMarshal.AsSpan(_ids)[^count..], cancellationToken);
    }

    public void Dispose() => _sequence.Dispose();
}
