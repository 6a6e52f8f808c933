using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// The columns that a <see cref="GptTransformer"/> adds, each under a name of your choice; <see langword="null"/>
/// leaves a column out. A column costs nothing until something reads it; the columns that are read from a row share one
/// forward pass.
/// </summary>
/// <remarks>
/// <para>
/// Begin with <see cref="None"/> or <see cref="All"/> and change names with <c>with</c>: <c>GptOutputColumns.None with
/// { Embedding = "Features" }</c>. A column hides an earlier one with the same name, as everywhere in ML.NET, so in a
/// pipeline with two transformers the second one hides the first one's columns. <see cref="WithPrefix"/> keeps both
/// apart: <c>new GptOutputColumns().WithPrefix("Title.")</c>.
/// </para>
/// <para>
/// A row with nothing to predict (an empty text, or one token that nothing precedes) has no loss: its cross-entropy and
/// perplexity are NaN. <c>FilterRowsByColumn</c> drops such rows whatever its bounds, and many trainers reject or skip
/// them. With <see cref="ScoringOptions.PrependEndOfText"/>, the first token is predicted too, and only rows without
/// tokens are NaN.
/// </para>
/// <para>
/// ML.NET's trainers expect features of type Single. <see cref="LossesAsSingle"/> makes cross-entropy and perplexity
/// such columns, so that <c>Concatenate("Features", "CrossEntropy")</c> works. Sums and counts remain exact, and so do
/// the metrics of an evaluation.
/// </para>
/// <para>
/// Columns of predictions and losses carry the annotations of ML.NET's own scorers (<c>ScoreColumnKind</c>, which is
/// "LanguageModeling", <c>ScoreValueKind</c>, <c>ScoreColumnSetId</c>); those of candidates have the ranks as
/// <c>SlotNames</c>, "1" being the best. Columns with a value for each token, whose length varies, name the column of
/// the tokens in the annotation <c>TokensColumn</c>.
/// </para>
/// | Column | Type | Value | Of an empty or missing text |
/// | -- | -- | -- | -- |
/// | <see cref="PredictedToken"/> | text | most probable next token | empty |
/// | <see cref="PredictedTokenId"/> | Int32 | its id | −1 |
/// | <see cref="Probability"/> | Single | its probability, 0 … 1 | NaN |
/// | <see cref="CandidateTokens"/> | vector of text | the most probable next tokens, best first | empty strings |
/// | <see cref="CandidateTokenIds"/> | vector of Int32 | their ids | −1 |
/// | <see cref="CandidateProbabilities"/> | vector of Single | their probabilities | NaN |
/// | <see cref="NegativeLogLikelihood"/> | Double | Σ −ln p over the row's targets, nats | 0 |
/// | <see cref="TokenCount"/> | Int64 | number of targets | 0 |
/// | <see cref="ByteCount"/> | Int64 | UTF-8 bytes of the targets | 0 |
/// | <see cref="CharacterCount"/> | Int64 | Unicode scalar values of the targets | 0 |
/// | <see cref="WordCount"/> | Int64 | words of which some part was predicted | 0 |
/// | <see cref="Top1Count"/> | Int64 | targets that were the most probable token | 0 |
/// | <see cref="Top5Count"/> | Int64 | targets among the five most probable | 0 |
/// | <see cref="CrossEntropy"/> | Double, or Single | nats per target | NaN |
/// | <see cref="Perplexity"/> | Double, or Single | exp(cross-entropy) | NaN |
/// | <see cref="Tokens"/> | vector of text, length varies | the row's tokens; a lone byte is written as <c>&lt;E9&gt;</c> | length 0 |
/// | <see cref="TokenIds"/> | vector of Int32, length varies | the tokens' ids | length 0 |
/// | <see cref="TokenStarts"/> | vector of Int32, length varies | where each token's characters begin in the row's text | length 0 |
/// | <see cref="TokenLogProbabilities"/> | vector of Single, length varies | ln p of each token; NaN for the first | length 0 |
/// | <see cref="GeneratedText"/> | text | the continuation of the row's text | empty |
/// | <see cref="Embedding"/> | vector of Single (C) | the last token's hidden state after the last layer norm | NaN |
/// </remarks>
public sealed record GptOutputColumns
{
    /// <summary>No columns: add the ones you want using <c>with</c>.</summary>
    public static GptOutputColumns None { get; } = new GptOutputColumns().Rename(static (_, _) => null);

    /// <summary>Every column, each under the name of its property.</summary>
    public static GptOutputColumns All { get; } = new GptOutputColumns().Rename(static (property, _) => property);

    /// <summary>Next token as text.</summary>
    /// <value><c>PredictedToken</c>.</value>
    public string? PredictedToken { get; init; } = nameof(PredictedToken);

    /// <summary>Next token's id.</summary>
    /// <value><c>PredictedTokenId</c>.</value>
    public string? PredictedTokenId { get; init; } = nameof(PredictedTokenId);

    /// <summary>Next token's probability.</summary>
    /// <value><c>Probability</c>.</value>
    public string? Probability { get; init; } = nameof(Probability);

    /// <summary>The <see cref="CandidateCount"/> most probable next tokens.</summary>
    /// <value><see langword="null"/>: left out.</value>
    public string? CandidateTokens { get; init; }

    /// <summary>The candidates' ids.</summary>
    /// <value><see langword="null"/>: left out.</value>
    public string? CandidateTokenIds { get; init; }

    /// <summary>The candidates' probabilities.</summary>
    /// <value><see langword="null"/>: left out.</value>
    public string? CandidateProbabilities { get; init; }

    /// <summary>The number of candidates; at least 1, and at most the size of the vocabulary.</summary>
    /// <value>5.</value>
    public int CandidateCount { get; init => field = Check.AtLeast(value, 1, nameof(CandidateCount)); } = 5;

    /// <summary>The row's summed loss.</summary>
    /// <value><c>NegativeLogLikelihood</c>.</value>
    public string? NegativeLogLikelihood { get; init; } = nameof(NegativeLogLikelihood);

    /// <summary>The row's number of targets.</summary>
    /// <value><c>TokenCount</c>.</value>
    public string? TokenCount { get; init; } = nameof(TokenCount);

    /// <summary>The bytes of the row's targets.</summary>
    /// <value><c>ByteCount</c>.</value>
    public string? ByteCount { get; init; } = nameof(ByteCount);

    /// <summary>The characters of the row's targets.</summary>
    /// <value><c>CharacterCount</c>.</value>
    public string? CharacterCount { get; init; } = nameof(CharacterCount);

    /// <summary>The words of the row's targets.</summary>
    /// <value><c>WordCount</c>.</value>
    public string? WordCount { get; init; } = nameof(WordCount);

    /// <summary>Targets that were the most probable token.</summary>
    /// <value><c>Top1Count</c>.</value>
    public string? Top1Count { get; init; } = nameof(Top1Count);

    /// <summary>Targets among the five most probable tokens.</summary>
    /// <value><c>Top5Count</c>.</value>
    public string? Top5Count { get; init; } = nameof(Top5Count);

    /// <summary>The row's cross-entropy.</summary>
    /// <value><c>CrossEntropy</c>.</value>
    public string? CrossEntropy { get; init; } = nameof(CrossEntropy);

    /// <summary>The row's perplexity.</summary>
    /// <value><c>Perplexity</c>.</value>
    public string? Perplexity { get; init; } = nameof(Perplexity);

    /// <summary>
    /// Whether <see cref="CrossEntropy"/> and <see cref="Perplexity"/> are rounded to Single, the type of features in
    /// ML.NET. The others do not change: <see cref="NegativeLogLikelihood"/> is always Double, so that an evaluator's sums
    /// are exact.
    /// </summary>
    /// <value><see langword="false"/>: Double.</value>
    public bool LossesAsSingle { get; init; }

    /// <summary>
    /// The text of each of the row's tokens; a start token comes first if the scoring options add one.
    /// </summary>
    /// <value><see langword="null"/>: left out.</value>
    public string? Tokens { get; init; }

    /// <summary>The ids of <see cref="Tokens"/>.</summary>
    /// <value><see langword="null"/>: left out.</value>
    public string? TokenIds { get; init; }

    /// <summary>
    /// The index in the row's text where the characters of each of <see cref="Tokens"/> begin, in UTF-16 units; they end
    /// where the next token's begin. A character that spans tokens belongs to the last of them, and those before it have
    /// none.
    /// </summary>
    /// <value><see langword="null"/>: left out.</value>
    public string? TokenStarts { get; init; }

    /// <summary>The log-probability of each of the row's tokens.</summary>
    /// <value><see langword="null"/>: left out.</value>
    public string? TokenLogProbabilities { get; init; }

    /// <summary>The continuation of the row's text.</summary>
    /// <value><see langword="null"/>: left out.</value>
    public string? GeneratedText { get; init; }

    /// <summary>The last token's hidden state, usable as features.</summary>
    /// <value><see langword="null"/>: left out.</value>
    public string? Embedding { get; init; }

    /// <summary>
    /// Returns the columns with a prefix before each name, such as <c>Title.</c>. Columns that are left out remain left
    /// out.
    /// </summary>
    public GptOutputColumns WithPrefix(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return Rename((_, name) => name is null ? null : prefix + name);
    }

    /// <summary>Returns these options if a model with this configuration can provide the columns.</summary>
    /// <exception cref="ArgumentException">
    /// More candidates are requested than there are tokens, a name is empty, or two columns have the same name.
    /// </exception>
    internal GptOutputColumns ValidatedFor(GptConfig config)
    {
        bool hasCandidates = (CandidateTokens ?? CandidateTokenIds ?? CandidateProbabilities) is not null;
        if (hasCandidates && CandidateCount > config.VocabularySize)
        {
            throw new ArgumentException(
                $"{nameof(CandidateCount)} is {CandidateCount}; the model's vocabulary has {config.VocabularySize} tokens.");
        }

        var names = new HashSet<string>();
        foreach (string? name in Names())
        {
            if (name is null) continue;
            if (name.Length == 0) throw new ArgumentException("An output column's name is empty; null leaves a column out.");
            if (!names.Add(name)) throw new ArgumentException($"Two output columns are named '{name}'; names must differ.");
        }

        return this;
    }

    private string?[] Names() =>
    [
        PredictedToken, PredictedTokenId, Probability, CandidateTokens, CandidateTokenIds, CandidateProbabilities, NegativeLogLikelihood,
        TokenCount, ByteCount, CharacterCount, WordCount, Top1Count, Top5Count, CrossEntropy, Perplexity, Tokens,
        TokenIds, TokenStarts, TokenLogProbabilities, GeneratedText, Embedding,
    ];

    // Sets the name of each column to a function of the property's name and the current name.
    private GptOutputColumns Rename(Func<string, string?, string?> rename) => this with
    {
        PredictedToken = rename(nameof(PredictedToken), PredictedToken),
        PredictedTokenId = rename(nameof(PredictedTokenId), PredictedTokenId),
        Probability = rename(nameof(Probability), Probability),
        CandidateTokens = rename(nameof(CandidateTokens), CandidateTokens),
        CandidateTokenIds = rename(nameof(CandidateTokenIds), CandidateTokenIds),
        CandidateProbabilities = rename(nameof(CandidateProbabilities), CandidateProbabilities),
        NegativeLogLikelihood = rename(nameof(NegativeLogLikelihood), NegativeLogLikelihood),
        TokenCount = rename(nameof(TokenCount), TokenCount),
        ByteCount = rename(nameof(ByteCount), ByteCount),
        CharacterCount = rename(nameof(CharacterCount), CharacterCount),
        WordCount = rename(nameof(WordCount), WordCount),
        Top1Count = rename(nameof(Top1Count), Top1Count),
        Top5Count = rename(nameof(Top5Count), Top5Count),
        CrossEntropy = rename(nameof(CrossEntropy), CrossEntropy),
        Perplexity = rename(nameof(Perplexity), Perplexity),
        Tokens = rename(nameof(Tokens), Tokens),
        TokenIds = rename(nameof(TokenIds), TokenIds),
        TokenStarts = rename(nameof(TokenStarts), TokenStarts),
        TokenLogProbabilities = rename(nameof(TokenLogProbabilities), TokenLogProbabilities),
        GeneratedText = rename(nameof(GeneratedText), GeneratedText),
        Embedding = rename(nameof(Embedding), Embedding),
    };
}
