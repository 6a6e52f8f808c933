using MLNet.Gpt.Data;

namespace MLNet.Gpt;

/// <summary>What a network is trained on and what it is measured on.</summary>
/// <param name="Training">The windows to learn from.</param>
/// <param name="Validation">Windows that are only measured; <see langword="null"/> for none.</param>
public sealed record TrainingData(TokenWindows Training, TokenWindows? Validation)
{
    /// <summary>
    /// Cuts the tokens of a text into those to learn from and, at the end, those to measure on, and both into windows.
    /// </summary>
    /// <param name="tokens">The ids of the text.</param>
    /// <param name="contextLength">Inputs in a window, T.</param>
    /// <param name="vocabularySize">The limit that all ids are checked against.</param>
    /// <param name="options">The stride and the share to measure on.</param>
    /// <remarks>
    /// Incomplete windows are kept, so that each token but the first of its part is predicted; except by
    /// TorchSharpEngine.PyTorchExact, since the book drops them. A part to measure on that would have fewer
    /// than 2 tokens, and so nothing to predict, is left out.
    /// </remarks>
    /// <exception cref="ArgumentException">There are fewer than 2 tokens to learn from.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// An id is outside the vocabulary, or the stride is above the context length.
    /// </exception>
    public static TrainingData FromTokens(ReadOnlyMemory<int> tokens, int contextLength, int vocabularySize, TrainingOptions options)
    {
        int kept = (int)(tokens.Length * options.ValidationFraction);
        bool keepsIncomplete = KeepsIncomplete(options);
        var training = new TokenWindows(tokens[..^kept], contextLength, options.Stride, keepsIncomplete, vocabularySize);
        var validation = kept < 2 ? null : new TokenWindows(tokens[^kept..], contextLength, keepsIncomplete: keepsIncomplete, vocabularySize: vocabularySize);
        return new(training, validation);
    }

    /// <summary>
    /// The same of tokens that lie in memory or elsewhere, such as a <see cref="TokenFile"/>, which must stay open as
    /// long as this is used.
    /// </summary>
    /// <inheritdoc cref="FromTokens(ReadOnlyMemory{int}, int, int, TrainingOptions)"/>
    /// <exception cref="ArgumentException">
    /// There are fewer than 2 tokens to learn from, or a file's vocabulary is larger than the model's.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The stride is above the context length.</exception>
    public static TrainingData FromTokens(ITokenSource tokens, int contextLength, int vocabularySize, TrainingOptions options)
    {
        if (tokens is TokenFile { VocabularySize: { } size } file && size > vocabularySize)
        {
            throw new ArgumentException($"'{file.Path}' holds ids of a vocabulary of {size}; the model's has {vocabularySize}.", nameof(tokens));
        }

        long kept = (long)(tokens.Count * options.ValidationFraction), learned = tokens.Count - kept;
        bool keepsIncomplete = KeepsIncomplete(options);
        var training = new TokenWindows(new TokenRange(tokens, 0, learned), contextLength, options.Stride, keepsIncomplete, vocabularySize);
        return new(training, kept < 2 ? null : new(new TokenRange(tokens, learned, kept), contextLength, keepsIncomplete: keepsIncomplete, vocabularySize: vocabularySize));
    }

    /// <summary>
    /// Cuts a text into the characters to learn from and, at its end, those to measure on, as the book does, and the
    /// tokens of both into windows.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="tokenizer">Turns each part into ids by itself.</param>
    /// <param name="contextLength">Inputs in a window, T.</param>
    /// <param name="options">The stride, the share to measure on, and the engine.</param>
    /// <remarks>Incomplete windows are kept, except by TorchSharpEngine.PyTorchExact.</remarks>
    /// <exception cref="ArgumentException">A part is too short for a window.</exception>
    public static TrainingData FromText(string text, ITextTokenizer tokenizer, int contextLength, TrainingOptions options)
    {
        if (options.ValidationFraction == 0) return new(Windows(text, options.Stride), null);
        var split = TextSplit.AtFraction(text, 1 - options.ValidationFraction);
        return new(Windows(split.Training, options.Stride), Windows(split.Validation, stride: null));

        TokenWindows Windows(string part, int? stride) => new(tokenizer.Encode(part), contextLength, stride, KeepsIncomplete(options), tokenizer.VocabularySize);
    }

    private static bool KeepsIncomplete(TrainingOptions options) => options.Engine.KeepsIncompleteWindows;
}
