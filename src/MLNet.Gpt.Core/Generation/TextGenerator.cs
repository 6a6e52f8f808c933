using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Generation;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// Continues texts with a model: greedily as in the lecture, or by sampling. Immutable and thread-safe; does not touch
/// the global random generator.
/// </summary>
/// <remarks>
/// An empty prompt starts from the token that begins a document, which for GPT-2 is its end-of-text token; it is an
/// error if the vocabulary has none. Ids that the model has but its tokenizer does not, such as the padding of a
/// vocabulary of 50304, are never generated.
/// </remarks>
public sealed class TextGenerator
{
    private readonly ISequenceModel _model;
    private readonly StreamScheduler _streams;
    private readonly GenerationOptions _options;

    /// <summary>Initializes a generator for a model.</summary>
    /// <param name="model">The model. Not owned: it must outlive the generator.</param>
    /// <param name="options">The options of calls without their own; the defaults if <see langword="null"/>.</param>
    public TextGenerator(GptModel model, GenerationOptions? options = null)
        : this(StreamScheduler.Of(model ?? throw new ArgumentNullException(nameof(model))), options)
    {
    }

    internal TextGenerator(ISequenceModel model, GenerationOptions? options = null)
        : this(new StreamScheduler(model), options)
    {
    }

    private TextGenerator(StreamScheduler streams, GenerationOptions? options)
    {
        _model = streams.Model;
        _streams = streams;
        _options = options ?? new();
    }

    /// <summary>Continues a text.</summary>
    /// <param name="prompt">The text to continue.</param>
    /// <param name="options">How to generate; the generator's options if <see langword="null"/>.</param>
    /// <param name="cancellationToken">Cancels the generation.</param>
    /// <exception cref="ArgumentException">
    /// The prompt is empty and the vocabulary has no end-of-text token, or it is longer than the context and must not be cropped.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// A logit is NaN or infinite, because weights are NaN or activations overflow.
    /// </exception>
    /// <exception cref="OperationCanceledException">The generation was canceled.</exception>
    public GeneratedText Generate(string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= _options;
        return Write(Samples(Encode(prompt, options, cancellationToken), 1, options), options, cancellationToken).Single();
    }

    /// <summary>Continues a sequence of token ids.</summary>
    /// <param name="promptIds">The ids to continue.</param>
    /// <param name="options">How to generate; the generator's options if <see langword="null"/>.</param>
    /// <param name="cancellationToken">Cancels the generation.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <inheritdoc cref="Generate(string, GenerationOptions?, CancellationToken)" path="/exception"/>
    public GeneratedText Generate(
        ReadOnlySpan<int> promptIds, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= _options;
        return Write(Samples(Validated(promptIds.ToArray(), options), 1, options), options, cancellationToken).Single();
    }

    /// <summary>
    /// Continues a text without blocking the caller. Texts that are generated concurrently with one model share its passes,
    /// as those of <see cref="StreamAsync(string, GenerationOptions?, CancellationToken)"/> do.
    /// </summary>
    /// <inheritdoc cref="Generate(string, GenerationOptions?, CancellationToken)"/>
    public async Task<GeneratedText> GenerateAsync(
        string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= _options;
        int[] promptIds = await Task.Run(() => Encode(prompt, options, cancellationToken), cancellationToken).ConfigureAwait(false);
        var request = Samples(promptIds, 1, options)[0];
        var text = new StringBuilder();
        List<int> ids = [];
        List<ScoredToken> tokens = [];
        FinishReason? reason = null;
        await foreach (var chunk in Stream(request, options, cancellationToken).ConfigureAwait(false))
        {
            text.Append(chunk.Text);
            ids.AddRange(chunk.TokenIds);
            tokens.AddRange(chunk.Tokens);
            reason = chunk.FinishReason;
        }

        return new(text.ToString(), ids, tokens, reason!.Value) { PromptTokenCount = promptIds.Length, Seed = request.Seed };
    }

    /// <summary>
    /// Continues one text several times. The prompt is read once; the samples are generated concurrently. The first is
    /// what <see cref="Generate(string, GenerationOptions?, CancellationToken)"/> returns for the same seed.
    /// </summary>
    /// <param name="prompt">The text to continue.</param>
    /// <param name="count">How many samples; at least 1. They differ only if the temperature is above 0.</param>
    /// <param name="options">How to generate; the generator's options if <see langword="null"/>.</param>
    /// <param name="cancellationToken">Cancels the generation.</param>
    /// <inheritdoc cref="Generate(string, GenerationOptions?, CancellationToken)" path="/exception"/>
    public IReadOnlyList<GeneratedText> GenerateSamples(
        string prompt, int count, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        Check.AtLeast(count, 1, nameof(count));
        options ??= _options;
        return [.. Write(Samples(Encode(prompt, options, cancellationToken), count, options), options, cancellationToken)];
    }

    /// <summary>
    /// Continues many texts, <see cref="GenerationOptions.BatchSize"/> of them at a time, each as if it were the only
    /// one. Without a seed in the options, each text has a new one. Prompts are read and results returned while the
    /// caller enumerates, in the order of the prompts.
    /// </summary>
    /// <param name="prompts">The texts to continue.</param>
    /// <param name="options">How to generate; the generator's options if <see langword="null"/>.</param>
    /// <param name="cancellationToken">Cancels the generation.</param>
    /// <inheritdoc cref="Generate(string, GenerationOptions?, CancellationToken)" path="/exception"/>
    public IEnumerable<GeneratedText> GenerateBatch(
        IEnumerable<string> prompts, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        options ??= _options;
        var requests = prompts.Select((prompt, i) =>
            new WritingRequest(i, Encode(prompt, options, cancellationToken), 0, options.Seed ?? NewSeed()));
        return Write(requests, options, cancellationToken);
    }

    /// <summary>Continues a text and yields it in chunks, each as soon as it is final.</summary>
    /// <remarks>
    /// The work runs on a background thread, a few chunks ahead of the caller. Texts that are streamed concurrently with one
    /// model, by any of its generators, share the passes over its weights: eight take little longer than one. Each is the
    /// text that it would be alone, to the last bit.
    /// </remarks>
    /// <inheritdoc cref="Generate(string, GenerationOptions?, CancellationToken)"/>
    public IAsyncEnumerable<GeneratedChunk> StreamAsync(
        string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= _options;
        return Stream(Samples(Encode(prompt, options, cancellationToken), 1, options)[0], options, cancellationToken);
    }

    /// <summary>Continues a sequence of token ids and yields the text in chunks, each as soon as it is final.</summary>
    /// <inheritdoc cref="StreamAsync(string, GenerationOptions?, CancellationToken)" path="/remarks"/>
    /// <param name="promptIds">The ids to continue.</param>
    /// <param name="options">How to generate; the generator's options if <see langword="null"/>.</param>
    /// <param name="cancellationToken">Cancels the generation.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <inheritdoc cref="Generate(string, GenerationOptions?, CancellationToken)" path="/exception"/>
    public IAsyncEnumerable<GeneratedChunk> StreamAsync(
        ReadOnlySpan<int> promptIds, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= _options;
        return Stream(Samples(Validated(promptIds.ToArray(), options), 1, options)[0], options, cancellationToken);
    }

    private async IAsyncEnumerable<GeneratedChunk> Stream(
        WritingRequest request, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var stream = new TextStream(_streams, request, options, cancellationToken);
        await using var ending = stream.ConfigureAwait(false);
        await foreach (var chunk in stream.ReadAsync().ConfigureAwait(false)) yield return chunk;
    }

    private IEnumerable<GeneratedText> Write(
        IEnumerable<WritingRequest> requests, GenerationOptions options, CancellationToken cancellationToken)
    {
        using var loop = new GenerationLoop(_model, options, requests, isSingle: requests is WritingRequest[] { Length: 1 });
        var texts = new Dictionary<SequenceWriter, StringBuilder>();
        var finished = new Dictionary<int, GeneratedText>();
        int next = 0;
        while (!loop.IsFinished)
        {
            loop.Advance(
                (writer, final) =>
                {
                    if (!texts.TryGetValue(writer, out var text)) texts.Add(writer, text = new());
                    text.Append(final);
                    if (writer.FinishReason is not { } reason) return;
                    texts.Remove(writer);
                    finished.Add(writer.Request.Index, Result(writer, text.ToString(), reason));
                },
                cancellationToken);
            for (; finished.Remove(next, out var result); next++) yield return result;
        }
    }

    private static GeneratedText Result(SequenceWriter writer, string text, FinishReason reason) => new(
        text, [.. writer.TokenIds], writer.Tokens, reason)
    {
        PromptTokenCount = writer.Request.PromptIds.Length,
        Seed = writer.Request.Seed,
        SampleIndex = writer.Request.SampleIndex,
    };

    private static WritingRequest[] Samples(int[] promptIds, int count, GenerationOptions options)
    {
        long seed = options.Seed ?? NewSeed();
        return [.. Enumerable.Range(0, count).Select(sample => new WritingRequest(sample, promptIds, sample, seed))];
    }

    // An integer that every language can represent exactly, if necessary as a double.
    private static long NewSeed() => RandomNumberGenerator.GetInt32(int.MaxValue);

    private int[] Encode(string prompt, GenerationOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return Validated(PromptEncoding.Encode(_model.Tokenizer, prompt, options.PromptSpecialTokens, cancellationToken), options);
    }

    private int[] Validated(int[] promptIds, GenerationOptions options)
    {
        TokenIds.Validate(promptIds, _model.Tokenizer.VocabularySize, nameof(promptIds));
        if (promptIds.Length == 0)
        {
            return _model.Tokenizer.BeginningOfTextId is { } beginning
                ? [beginning]
                : throw new ArgumentException(
                    "The prompt is empty, and the vocabulary has no end-of-text token to start from.", nameof(promptIds));
        }

        return options.Overflow != ContextOverflow.Stop || promptIds.Length <= _model.ContextLength
            ? promptIds
            : throw new ArgumentException(
                $"The prompt has {promptIds.Length} tokens; the context length is {_model.ContextLength}, "
                + $"and {nameof(GenerationOptions.Overflow)} is {options.Overflow}.",
                nameof(promptIds));
    }
}
