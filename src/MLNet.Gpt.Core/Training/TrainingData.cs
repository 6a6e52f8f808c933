using MLNet.Gpt.Data;

namespace MLNet.Gpt;

/// <summary>The data that a network is trained on and measured on.</summary>
public sealed class TrainingData
{
    /// <summary>Creates data from windows of tokens.</summary>
    /// <param name="training">The windows to learn from.</param>
    /// <param name="validation">Windows that are only measured; <see langword="null"/> for none.</param>
    public TrainingData(TokenWindows training, TokenWindows? validation = null)
    {
        ArgumentNullException.ThrowIfNull(training);
        (Training, Validation) = (training, validation);
    }

    /// <summary>The windows to learn from.</summary>
    public TokenWindows Training { get; }

    /// <summary>Windows that are only measured; <see langword="null"/> if there are none.</summary>
    public TokenWindows? Validation { get; }

    /// <summary>
    /// Splits the tokens of a text into those to learn from and, at the end, those to measure on, and cuts both into
    /// windows.
    /// </summary>
    /// <param name="tokens">The ids of the text.</param>
    /// <param name="contextLength">Inputs per window, T.</param>
    /// <param name="vocabularySize">The limit that all ids are checked against.</param>
    /// <param name="options">The stride and the fraction to measure on.</param>
    /// <remarks>
    /// Incomplete windows are kept, so that each token but the first of its part is predicted, except by
    /// TorchSharpEngine.PyTorchExact, since the lecture's program drops them. A validation part of fewer than 2 tokens,
    /// in which there is nothing to predict, is left out.
    /// </remarks>
    /// <exception cref="ArgumentException">There are fewer than 2 tokens to learn from.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// An id is outside the vocabulary, or the stride is above the context length.
    /// </exception>
    public static TrainingData FromTokens(
        ReadOnlyMemory<int> tokens, int contextLength, int vocabularySize, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        int kept = (int)(tokens.Length * options.ValidationFraction);
        bool keepIncomplete = options.Engine.KeepsIncompleteWindows;
        var training = new TokenWindows(tokens[..^kept], contextLength, options.Stride, keepIncomplete, vocabularySize);
        if (kept < 2) return new(training);
        return new(training, new(tokens[^kept..], contextLength, stride: null, keepIncomplete, vocabularySize));
    }

    /// <summary>
    /// Splits tokens that may lie outside memory, such as those of a <see cref="TokenFile"/>, which must stay open as
    /// long as the data are used.
    /// </summary>
    /// <inheritdoc cref="FromTokens(ReadOnlyMemory{int}, int, int, TrainingOptions)"/>
    /// <exception cref="ArgumentException">
    /// There are fewer than 2 tokens to learn from, or a file's vocabulary is larger than the model's.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The stride is above the context length.</exception>
    public static TrainingData FromTokens(ITokenSource tokens, int contextLength, int vocabularySize, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(options);
        if (tokens is TokenFile { VocabularySize: { } size } file && size > vocabularySize)
        {
            throw new ArgumentException(
                $"'{file.Path}' holds ids of a vocabulary of {size}; the model's has {vocabularySize}.", nameof(tokens));
        }

        long kept = (long)(tokens.Count * options.ValidationFraction), learned = tokens.Count - kept;
        bool keepIncomplete = options.Engine.KeepsIncompleteWindows;
        var training = new TokenWindows(
            new TokenRange(tokens, 0, learned), contextLength, options.Stride, keepIncomplete, vocabularySize);
        if (kept < 2) return new(training);
        var range = new TokenRange(tokens, learned, kept);
        return new(training, new(range, contextLength, stride: null, keepIncomplete, vocabularySize));
    }

    /// <summary>
    /// Splits a text into the characters to learn from and, at its end, those to measure on, as the lecture does, and
    /// cuts the tokens of both into windows.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="tokenizer">Turns each part into ids on its own.</param>
    /// <param name="contextLength">Inputs per window, T.</param>
    /// <param name="options">The stride, the fraction to measure on, and the engine.</param>
    /// <remarks>Incomplete windows are kept, except by TorchSharpEngine.PyTorchExact.</remarks>
    /// <exception cref="ArgumentException">A part is too short for a window.</exception>
    public static TrainingData FromText(string text, ITextTokenizer tokenizer, int contextLength, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        if (options.ValidationFraction == 0) return new(Windows(text, options.Stride));
        var split = TextSplit.AtFraction(text, 1 - options.ValidationFraction);
        return new(Windows(split.Training, options.Stride), Windows(split.Validation, stride: null));

        TokenWindows Windows(string part, int? stride) =>
            new(tokenizer.Encode(part), contextLength, stride, options.Engine.KeepsIncompleteWindows, tokenizer.VocabularySize);
    }
}
