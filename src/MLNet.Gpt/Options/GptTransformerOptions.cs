namespace MLNet.Gpt;

/// <summary>What a <see cref="GptTransformer"/> reads, computes and adds.</summary>
public sealed record GptTransformerOptions
{
    /// <summary>The column of text that is read; a scalar of text.</summary>
    /// <value><c>Text</c>.</value>
    public string InputColumnName
    {
        get;
        init => field = value is { Length: > 0 } ? value : throw new ArgumentException($"{nameof(InputColumnName)} is empty.", nameof(InputColumnName));
    } = "Text";

    /// <summary>The columns that are added.</summary>
    /// <value>The next token, and the row's loss with its counts.</value>
    public GptOutputColumns Columns { get; init; } = new();

    /// <summary>
    /// How a row's text is measured, and how special tokens spelled out in it are read; in training as well.
    /// </summary>
    /// <value>
    /// As the lecture measures, but special tokens are literal: a row that spells <c>&lt;|endoftext|&gt;</c> is data.
    /// <see cref="ScoringOptions.Book"/> recognizes them.
    /// </value>
    public ScoringOptions Scoring { get; init; } = new() { SpecialTokens = SpecialTokens.Literal };

    /// <summary>How <see cref="GptOutputColumns.GeneratedText"/> is made.</summary>
    /// <value>
    /// The defaults of <see cref="GenerationOptions"/>. Where <see cref="GenerationOptions.Seed"/> is
    /// <see langword="null"/>, the seed of the <c>MLContext</c> is taken, or a new one once for the transformer. Each
    /// row starts from the seed, whatever comes before it.
    /// </value>
    public GenerationOptions Generation { get; init; } = new();

    /// <summary>
    /// The same with a seed, where tokens are drawn and none was given: otherwise a text would have another
    /// continuation each time it is read.
    /// </summary>
    internal GptTransformerOptions WithFixedSeed(int? contextSeed) => Generation is { Temperature: > 0, Seed: null }
        ? this with { Generation = Generation with { Seed = contextSeed ?? System.Security.Cryptography.RandomNumberGenerator.GetInt32(int.MaxValue) } }
        : this;
}
