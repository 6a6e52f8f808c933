using MLNet.Gpt.Evaluation.Metrics;

namespace MLNet.Gpt;

/// <summary>
/// Measures how likely a model finds given responses to instructions: the loss of each response and of what ends it. Thread-safe.
/// </summary>
/// <remarks>
/// The figures are those of the <see cref="ContinuationScorer"/> for the tokens of an <see cref="InstructionEncoder"/>, and their
/// sum is what training on the same examples measures. They do not depend on which examples are scored together, to the last bit.
/// Tokens that stand for no text, such as the end of text, count as tokens but not as bytes, characters or words.
/// </remarks>
public sealed class ResponseScorer
{
    private readonly GptModel _model;
    private readonly ContinuationScorer _scorer;
    private readonly InstructionEncoder _encoder;
    private readonly HashSet<int> _special;

    /// <summary>Creates a scorer for a model.</summary>
    /// <param name="model">The model. Not owned: it must outlive the scorer.</param>
    /// <param name="options">How examples are written; the defaults if <see langword="null"/>.</param>
    /// <exception cref="NotSupportedException">
    /// The options have no template, and that of the model's files is of no known family.
    /// </exception>
    public ResponseScorer(GptModel model, InstructionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        (_model, _scorer) = (model, new(model));
        _encoder = new(model.Tokenizer, model.Config.ContextLength, options);
        _special = [.. PromptTemplate.SpecialTokensOf(model.Tokenizer).All.Select(token => token.Id)];
    }

    /// <summary>Scores the response to an instruction.</summary>
    /// <param name="example">The instruction and the response.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <inheritdoc cref="Score(IReadOnlyList{InstructionExample}, CancellationToken)" path="/exception"/>
    public DocumentResult Score(InstructionExample example, CancellationToken cancellationToken = default) =>
        Score([example], cancellationToken)[0];

    /// <summary>Scores the responses to instructions.</summary>
    /// <param name="examples">The instructions and the responses.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <returns>For each example its metrics and the tokens of its response.</returns>
    /// <exception cref="ArgumentException">
    /// A response is empty, or its prompt fills the context, or the options refuse it; the message has its index.
    /// </exception>
    /// <exception cref="InvalidOperationException">A loss is not a number, because weights are NaN or activations overflow.</exception>
    /// <exception cref="OperationCanceledException">The computation was canceled.</exception>
    public IReadOnlyList<DocumentResult> Score(
        IReadOnlyList<InstructionExample> examples, CancellationToken cancellationToken = default)
    {
        var scores = _scorer.ScoreTargets(_encoder.Encode(examples, cancellationToken), cancellationToken);
        return [.. scores.Select(Result)];
    }

    /// <summary>Scores responses on the thread pool.</summary>
    /// <inheritdoc cref="Score(IReadOnlyList{InstructionExample}, CancellationToken)"/>
    public Task<IReadOnlyList<DocumentResult>> ScoreAsync(
        IReadOnlyList<InstructionExample> examples, CancellationToken cancellationToken = default) =>
        Task.Run(() => Score(examples, cancellationToken), cancellationToken);

    private DocumentResult Result(ContinuationScore score, int index)
    {
        var size = TextSize.Of(string.Concat(score.Tokens.Where(token => !_special.Contains(token.Id)).Select(token => token.Text)));
        var metrics = new LanguageModelMetrics(score.Loss, _model.Config.VocabularySize)
        {
            ByteCount = size.ByteCount,
            CharacterCount = size.CharacterCount,
            WordCount = size.WordCount,
            Top1Count = score.Tokens.Count(token => token.Rank < 1),
            Top5Count = score.Tokens.Count(token => token.Rank < 5),
            DocumentCount = 1,
        };
        return new(index, "", metrics, score.Tokens);
    }
}
