using MLNet.Gpt.Configuration;
using MLNet.Gpt.Generation.Sampling;

namespace MLNet.Gpt;

/// <summary>Tells which tokens a model expects after a text. Safe for use by many threads.</summary>
/// <param name="model">The model that is asked.</param>
public sealed class NextTokenPredictor(GptModel model)
{
    /// <summary>The most probable next tokens, best first; equally probable ones in the order of their ids.</summary>
    /// <param name="text">
    /// What comes before. Of a text longer than the context the last tokens count, as in the lecture.
    /// </param>
    /// <param name="count">How many candidates, from 1 to the vocabulary's size.</param>
    /// <param name="specialTokens">How special tokens spelled out in the text are read.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <exception cref="ArgumentException">The text has no token: there is nothing to predict from.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The count is not within its bounds.</exception>
    /// <exception cref="InvalidOperationException">
    /// A logit is not a number or infinite, because weights are NaN or activations overflow.
    /// </exception>
    public IReadOnlyList<TokenCandidate> Predict(
        ReadOnlySpan<char> text, int count = 5, SpecialTokens specialTokens = SpecialTokens.Recognized, CancellationToken cancellationToken = default) =>
        Predict(model.Tokenizer.Encode(text, specialTokens), count, cancellationToken);

    /// <summary>
    /// The most probable next tokens after token ids, best first; equally probable ones in the order of their ids.
    /// </summary>
    /// <param name="ids">What comes before. Of more ids than the context is long the last count.</param>
    /// <param name="count">How many candidates, from 1 to the vocabulary's size.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <exception cref="ArgumentException">There is no id: there is nothing to predict from.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The count is not within its bounds, or an id is outside the vocabulary.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// A logit is not a number or infinite, because weights are NaN or activations overflow.
    /// </exception>
    public IReadOnlyList<TokenCandidate> Predict(ReadOnlySpan<int> ids, int count = 5, CancellationToken cancellationToken = default)
    {
        if (ids.IsEmpty) throw new ArgumentException("The text has no token; there is nothing to predict from.", nameof(ids));
        Check.Between(count, 1, model.Config.VocabularySize, nameof(count));
        using var session = model.CreateSession();
        return LogProbabilities.Best(session.Append(ids[Math.Max(0, ids.Length - model.Config.ContextLength)..], cancellationToken), count);
    }
}
