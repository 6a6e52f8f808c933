using MLNet.Gpt.Configuration;
using MLNet.Gpt.Data;
using MLNet.Gpt.Training;

namespace MLNet.Gpt;

/// <summary>The data on which a network is trained and measured.</summary>
public sealed class TrainingData
{
    /// <summary>Creates data from windows of tokens.</summary>
    /// <param name="training">The windows to train on.</param>
    /// <param name="validation">Windows that are only measured; <see langword="null"/> for none.</param>
    public TrainingData(TokenWindows training, TokenWindows? validation = null)
    {
        ArgumentNullException.ThrowIfNull(training);
        (TrainingExamples, ValidationExamples) = (training, validation);
    }

    private TrainingData(SequenceExamples training, SequenceExamples? validation) =>
        (TrainingExamples, ValidationExamples) = (training, validation);

    /// <summary>The windows to train on.</summary>
    /// <exception cref="InvalidOperationException">The data are sequences.</exception>
    public TokenWindows Training => WindowsOf(TrainingExamples)!;

    /// <summary>Windows that are only measured; <see langword="null"/> if there are none.</summary>
    /// <exception cref="InvalidOperationException">The data are sequences.</exception>
    public TokenWindows? Validation => WindowsOf(ValidationExamples);

    /// <summary>Number of windows or sequences to train on; at least 1.</summary>
    public int TrainingCount => TrainingExamples.Count;

    /// <summary>Number of windows or sequences that are only measured; 0 if there are none.</summary>
    public int ValidationCount => ValidationExamples?.Count ?? 0;

    /// <summary>
    /// Targets to train on per epoch: tokens to predict, except those that do not count; for labeled sequences, their number.
    /// </summary>
    public long TargetCount => TrainingExamples.TargetCount;

    /// <summary>Windows or sequences to train on.</summary>
    internal IExamples TrainingExamples { get; }

    /// <summary>Those that are only measured.</summary>
    internal IExamples? ValidationExamples { get; }

    /// <summary>
    /// Creates data from sequences: of prompts and responses, whose prompts do not count, or of texts that have labels or
    /// numbers. Sequences of any lengths are packed into batches without padding, and each gives the same result as alone.
    /// </summary>
    /// <param name="training">The sequences to train on. They are not copied and must not be changed afterwards.</param>
    /// <param name="validation">Sequences that are only measured; <see langword="null"/> for none.</param>
    /// <param name="contextLength">The model's context length, the most tokens of a sequence that it can read.</param>
    /// <param name="vocabularySize">The vocabulary size against which all ids are checked.</param>
    /// <remarks>
    /// A sequence that is too long is an error, because only the caller knows which part of it may be left out. Without a
    /// label, the last token of a sequence is predicted but not read, so it may be one token longer than the context.
    /// </remarks>
    /// <exception cref="ArgumentException">
    /// There are no sequences or no targets that count; some have labels or numbers and some do not; or one is longer than the
    /// context or has nothing to predict. The message has its index.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A length is below 1, or an id is outside the vocabulary.</exception>
    public static TrainingData FromSequences(
        IReadOnlyList<TrainingSequence> training, IReadOnlyList<TrainingSequence>? validation, int contextLength, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(training);
        Check.AtLeast(contextLength, 1, nameof(contextLength));
        Check.AtLeast(vocabularySize, 1, nameof(vocabularySize));
        var learned = new SequenceExamples(training, contextLength, vocabularySize, nameof(training));
        var measured = validation is null ? null : new SequenceExamples(validation, contextLength, vocabularySize, nameof(validation));
        return measured is null || learned.Kind == measured.Kind
            ? new(learned, measured)
            : throw new ArgumentException(
                $"The sequences to train on have {learned.Kind}, but those for validation have {measured.Kind}.", nameof(validation));
    }

    /// <summary>
    /// Creates data from instructions and responses; the loss covers the responses and what ends them, not the prompts.
    /// </summary>
    /// <param name="training">The examples to train on.</param>
    /// <param name="validation">
    /// Examples that are only measured; if <see langword="null"/>, the fraction of the others that
    /// <see cref="TrainingOptions.ValidationFraction"/> says, drawn with the seed.
    /// </param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="config">The model's configuration.</param>
    /// <param name="options">The validation fraction and the seed.</param>
    /// <param name="instructions">How examples are written; the defaults if <see langword="null"/>.</param>
    /// <param name="cancellationToken">Cancels encoding.</param>
    /// <exception cref="ArgumentException">
    /// There are no examples, or <see cref="InstructionEncoder"/> refuses one; the message has its index.
    /// </exception>
    /// <exception cref="NotSupportedException">
    /// There is no template, and that of the model's files is of no known family.
    /// </exception>
    /// <exception cref="OperationCanceledException">Encoding was canceled.</exception>
    public static TrainingData FromInstructions(
        IReadOnlyList<InstructionExample> training, IReadOnlyList<InstructionExample>? validation, ITextTokenizer tokenizer,
        GptConfig config, TrainingOptions options, InstructionOptions? instructions = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(training);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(options);
        var encoder = new InstructionEncoder(tokenizer, config.ContextLength, instructions);
        var learned = encoder.Encode(training, cancellationToken);
        var measured = validation is null ? null : encoder.Encode(validation, cancellationToken);
        if (measured is null) (learned, measured) = HeldOutRows.Split(learned, options);
        return FromSequences(learned, measured, config.ContextLength, config.VocabularySize);
    }

    /// <summary>
    /// Splits the tokens of a text into training tokens and, at the end, validation tokens, and splits both into
    /// windows.
    /// </summary>
    /// <param name="tokens">The ids of the text.</param>
    /// <param name="contextLength">The model's context length, the most inputs per window.</param>
    /// <param name="vocabularySize">The vocabulary size against which all ids are checked.</param>
    /// <param name="options">The window length, the stride and the validation fraction.</param>
    /// <remarks>
    /// Incomplete windows are kept, so that every token except the first of its part is predicted;
    /// TorchSharpEngine.PyTorchExact drops them, like the lecture's program. A validation part of fewer than 2 tokens,
    /// in which there is nothing to predict, is left out.
    /// </remarks>
    /// <exception cref="ArgumentException">There are fewer than 2 tokens to learn from.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// An id is outside the vocabulary, the window is longer than the context, or the stride longer than the window.
    /// </exception>
    public static TrainingData FromTokens(
        ReadOnlyMemory<int> tokens, int contextLength, int vocabularySize, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        int kept = (int)(tokens.Length * options.ValidationFraction);
        int window = options.WindowLengthFor(contextLength);
        bool keepIncomplete = options.Engine.KeepsIncompleteWindows;
        var training = new TokenWindows(tokens[..^kept], window, options.Stride, keepIncomplete, vocabularySize);
        if (kept < 2) return new(training);
        return new(training, new(tokens[^kept..], window, stride: null, keepIncomplete, vocabularySize));
    }

    /// <summary>
    /// Splits tokens that need not be in memory, such as those of a <see cref="TokenFile"/>, which must stay open as
    /// long as the data are used.
    /// </summary>
    /// <inheritdoc cref="FromTokens(ReadOnlyMemory{int}, int, int, TrainingOptions)"/>
    /// <exception cref="ArgumentException">
    /// There are fewer than 2 tokens to learn from, or a file of a larger vocabulary contains an id that the model lacks; such a
    /// file is read to find out.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The window is longer than the context, or the stride longer than the window.
    /// </exception>
    public static TrainingData FromTokens(ITokenSource tokens, int contextLength, int vocabularySize, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(options);
        if (tokens is TokenFile { VocabularySize: { } size } file && size > vocabularySize)
        {
            CheckIds(file, size, vocabularySize);
        }

        long kept = (long)(tokens.Count * options.ValidationFraction), learned = tokens.Count - kept;
        int window = options.WindowLengthFor(contextLength);
        bool keepIncomplete = options.Engine.KeepsIncompleteWindows;
        var training = new TokenWindows(
            new TokenRange(tokens, 0, learned), window, options.Stride, keepIncomplete, vocabularySize);
        if (kept < 2) return new(training);
        var range = new TokenRange(tokens, learned, kept);
        return new(training, new(range, window, stride: null, keepIncomplete, vocabularySize));
    }

    // So that a training does not end after hours.
    private static void CheckIds(TokenFile file, int fileSize, int vocabularySize)
    {
        int[] ids = new int[(int)Math.Min(file.Count, 1 << 16)];
        for (long start = 0; start < file.Count; start += ids.Length)
        {
            var part = ids.AsSpan(0, (int)Math.Min(ids.Length, file.Count - start));
            file.Read(start, part);
            int place = part.IndexOfAnyExceptInRange(0, vocabularySize - 1);
            if (place < 0) continue;
            throw new ArgumentException(
                $"'{file.Path}' has ids of a vocabulary of {fileSize}; the model's has {vocabularySize}, which lacks the id {part[place]} "
                + $"of token {start + place}.",
                "tokens");
        }
    }

    /// <summary>
    /// Splits the characters of a text into a training part and, at its end, a validation part, as the lecture does,
    /// and splits the tokens of both into windows.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="tokenizer">Encodes each part separately.</param>
    /// <param name="contextLength">The model's context length, the most inputs per window.</param>
    /// <param name="options">The window length, the stride, the validation fraction, and the engine.</param>
    /// <param name="cancellationToken">Cancels encoding.</param>
    /// <remarks>Incomplete windows are kept, except by TorchSharpEngine.PyTorchExact.</remarks>
    /// <exception cref="ArgumentException">A part is too short for a window.</exception>
    /// <exception cref="OperationCanceledException">Encoding was canceled.</exception>
    public static TrainingData FromText(
        string text, ITextTokenizer tokenizer, int contextLength, TrainingOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        int window = options.WindowLengthFor(contextLength);
        if (options.ValidationFraction == 0) return new(Windows(text, options.Stride));
        var split = TextSplit.AtFraction(text, 1 - options.ValidationFraction);
        return new(Windows(split.Training, options.Stride), Windows(split.Validation, stride: null));

        TokenWindows Windows(string part, int? stride) =>
            new(
                tokenizer.Encode(part, SpecialTokens.Recognized, cancellationToken), window, stride,
                options.Engine.KeepsIncompleteWindows, tokenizer.VocabularySize);
    }

    private static TokenWindows? WindowsOf(IExamples? examples) => examples is SequenceExamples
        ? throw new InvalidOperationException("The training data are sequences, which have no windows.")
        : (TokenWindows?)examples;
}
