using MLNet.Gpt.Configuration;
using MLNet.Gpt.Generation;

namespace MLNet.Gpt;

/// <summary>Predicts the token after a text. Thread-safe.</summary>
/// <param name="model">The model. Not owned: it must outlive the predictor.</param>
public sealed class NextTokenPredictor(GptModel model)
{
    /// <summary>Returns the most probable next tokens, the best first and equally probable ones by id.</summary>
    /// <param name="text">
    /// The text so far. Only the last tokens of a text longer than the context count, as in the lecture.
    /// </param>
    /// <param name="count">How many candidates, from 1 to the size of the vocabulary.</param>
    /// <param name="specialTokens">How special tokens spelled out in the text are read.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="ArgumentException">The text has no token to predict from.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The count is out of range.</exception>
    /// <exception cref="InvalidOperationException">
    /// A logit is NaN or infinite, because weights are NaN or activations overflow.
    /// </exception>
    public IReadOnlyList<TokenCandidate> Predict(
        ReadOnlySpan<char> text,
        int count = 5,
        SpecialTokens specialTokens = SpecialTokens.Recognized,
        CancellationToken cancellationToken = default) =>
        Predict(PromptEncoding.Encode(model.Tokenizer, text, specialTokens, cancellationToken), count, cancellationToken);

    /// <summary>Returns the most probable tokens after token ids, the best first and equally probable ones by id.</summary>
    /// <param name="ids">The ids so far. If there are more than the context length, only the last ones count.</param>
    /// <param name="count">How many candidates, from 1 to the size of the vocabulary.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="ArgumentException">There are no ids to predict from.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The count is out of range, or an id is outside the vocabulary.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// A logit is NaN or infinite, because weights are NaN or activations overflow.
    /// </exception>
    public IReadOnlyList<TokenCandidate> Predict(ReadOnlySpan<int> ids, int count = 5, CancellationToken cancellationToken = default)
    {
        if (ids.IsEmpty) throw new ArgumentException("The text has no token to predict from.", nameof(ids));
        Check.Between(count, 1, model.Config.VocabularySize, nameof(count));
        using var session = model.CreateSession();
        var logits = session.Append(ids[Math.Max(0, ids.Length - model.Config.ContextLength)..], cancellationToken);
        return LogProbabilities.Best(logits, count, model.Tokenizer);
    }
}
