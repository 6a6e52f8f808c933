using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>What a <see cref="ContinuationTransformer"/> reads, computes and adds.</summary>
/// <remarks>
/// A continuation is a scalar of text, or a vector of text: the choices of a question. Of a vector, the columns of log-likelihoods, tokens
/// and greediness are vectors with the same slots.
/// | Column | Type | Value | Of an empty or missing continuation |
/// | -- | -- | -- | -- |
/// | <see cref="LogLikelihood"/> | Double | ln p(continuation | context), nats | NaN |
/// | <see cref="ContinuationTokenCount"/> | Int64 | tokens that were scored | 0 |
/// | <see cref="IsGreedy"/> | Boolean | whether each token is the most probable one | false |
/// | <see cref="PredictedIndex"/> | Int32, of a vector only | the likeliest choice, from 0 | −1 if all are |
/// | <see cref="Probabilities"/> | vector of Single, of a vector only | softmax of the log-likelihoods | 0; NaN if all are |
/// </remarks>
public sealed record ContinuationTransformerOptions
{
    /// <summary>The column of contexts to read; a scalar of text.</summary>
    /// <value><c>Context</c>.</value>
    public string ContextColumnName { get; init => field = Check.NotEmpty(value, nameof(ContextColumnName)); } = "Context";

    /// <summary>The column of continuations to read; a scalar or a vector of text.</summary>
    /// <value><c>Continuation</c>.</value>
    public string ContinuationColumnName { get; init => field = Check.NotEmpty(value, nameof(ContinuationColumnName)); } = "Continuation";

    /// <summary>What separates a continuation from its context.</summary>
    /// <value>A space.</value>
    public string Delimiter { get; init; } = " ";

    /// <summary>The column of log-likelihoods; <see langword="null"/> leaves it out.</summary>
    /// <value><c>LogLikelihood</c>.</value>
    public string? LogLikelihood { get; init; } = nameof(LogLikelihood);

    /// <summary>The column of the numbers of tokens; <see langword="null"/> leaves it out.</summary>
    /// <value><c>ContinuationTokenCount</c>.</value>
    public string? ContinuationTokenCount { get; init; } = nameof(ContinuationTokenCount);

    /// <summary>The column that says whether a continuation is the greedy one; <see langword="null"/> leaves it out.</summary>
    /// <value><c>IsGreedy</c>.</value>
    public string? IsGreedy { get; init; } = nameof(IsGreedy);

    /// <summary>The column of the likeliest choice; <see langword="null"/> leaves it out.</summary>
    /// <value><c>PredictedIndex</c>.</value>
    public string? PredictedIndex { get; init; } = nameof(PredictedIndex);

    /// <summary>The column of the choices' probabilities; <see langword="null"/> leaves it out.</summary>
    /// <value><c>Probabilities</c>.</value>
    public string? Probabilities { get; init; } = nameof(Probabilities);

    /// <summary>What the log-likelihoods are divided by before <see cref="PredictedIndex"/> compares them.</summary>
    /// <value><see cref="TaskNormalization.None"/>.</value>
    public TaskNormalization Normalization { get; init => field = Check.Defined(value, nameof(Normalization)); } = TaskNormalization.None;

    /// <summary>How contexts and continuations are encoded.</summary>
    /// <value>
    /// The defaults of <see cref="ContinuationOptions"/>, except that special tokens are literal: a row that spells
    /// <c>&lt;|endoftext|&gt;</c> is data.
    /// </value>
    public ContinuationOptions Continuations { get; init; } = new() { SpecialTokens = SpecialTokens.Literal };
}
