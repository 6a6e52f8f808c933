using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Evaluation;

/// <summary>
/// Measures text with a model: each token's negative log-likelihood, summed per document. Safe for use by many threads.
/// </summary>
/// <remarks>
/// A document longer than the context is cut into windows of the context's length that do not overlap, as in the
/// lecture; every target is scored exactly once, and the first of each window sees one token before it.
/// </remarks>
public sealed class TextScorer
{
    // Enough for the engine's products at full speed; bounds what one call holds, however long the document.
    private const int TokensPerCall = 2048;

    private readonly GptModel _model;
    private readonly ScoringOptions _options;

    /// <summary>Measures with a model.</summary>
    /// <exception cref="ArgumentException">An end-of-text token is wanted and the model's vocabulary has none.</exception>
    public TextScorer(GptModel model, ScoringOptions? options = null)
    {
        _model = model;
        _options = options ?? new();
        if (_options.PrependEndOfText && model.Tokenizer.EndOfTextId is null)
        {
            throw new ArgumentException($"{nameof(ScoringOptions.PrependEndOfText)} is set, and the model's vocabulary has no end-of-text token.", nameof(options));
        }
    }

    /// <summary>The score of one document. A text of no token, or of one with nothing before it, has no target: its token count is 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The model's logits hold NaN.</exception>
    public DocumentScore Score(ReadOnlySpan<char> text, CancellationToken cancellationToken = default)
    {
        int[] ids = Encode(text);
        return Summarize(text, ids, ScoreTokens(ids, cancellationToken));
    }

    /// <summary>The ids that <see cref="Score"/> measures: the text's, after an end-of-text token if the options ask for it.</summary>
    public int[] Encode(ReadOnlySpan<char> text)
    {
        int[] ids = _model.Tokenizer.Encode(text, _options.SpecialTokens);
        return _options.PrependEndOfText ? [_model.Tokenizer.EndOfTextId!.Value, .. ids] : ids;
    }

    /// <summary>The score of each id after the first, as the model predicts it from those before it in its window.</summary>
    public TokenScore[] ScoreTokens(ReadOnlySpan<int> ids, CancellationToken cancellationToken = default)
    {
        if (ids.Length < 2) return [];

        var scores = new TokenScore[ids.Length - 1];
        int context = _model.Config.ContextLength;
        int step = Math.Max(1, TokensPerCall / context) * context;
        for (int start = 0; start < scores.Length; start += step)
        {
            int count = Math.Min(step, scores.Length - start);
            _model.Score(
                ids.Slice(start, count), ids.Slice(start + 1, count), WindowLengths(count, context), scores.AsSpan(start, count), cancellationToken);
        }

        return scores;
    }

    /// <summary>The score of a document from those of its tokens.</summary>
    internal DocumentScore Summarize(ReadOnlySpan<char> text, ReadOnlySpan<int> ids, ReadOnlySpan<TokenScore> scores) =>
        DocumentScore.Of(scores, PredictedSize(text, ids));

    private static int[] WindowLengths(int count, int context)
    {
        int[] lengths = new int[(count + context - 1) / context];
        Array.Fill(lengths, context);
        lengths[^1] = count - (context * (lengths.Length - 1));
        return lengths;
    }

    private TextSize PredictedSize(ReadOnlySpan<char> text, ReadOnlySpan<int> ids)
    {
        if (ids.Length < 2) return default;
        var all = TextSize.Of(text);
        if (_options.PrependEndOfText) return all;

        // The characters that the first token completes; white space that the tokenizer passed over before it goes with it.
        string first = _model.Tokenizer.CreateStreamDecoder().Append(ids[0]);
        int start = text.StartsWith(first) ? 0 : text.Length - text.TrimStart().Length, end = start + first.Length;
        return new(
            all.ByteCount - _model.Tokenizer.ByteCount(ids[0]),
            all.CharacterCount - TextSize.CountCharacters(first),
            TextSize.CountWordsBeyond(text, end));
    }
}
