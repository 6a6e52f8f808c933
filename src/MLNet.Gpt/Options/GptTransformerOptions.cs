using System.Security.Cryptography;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>What a <see cref="GptTransformer"/> reads, computes and adds.</summary>
public sealed record GptTransformerOptions
{
    /// <summary>The column of text to read; a scalar of text.</summary>
    /// <value><c>Text</c>.</value>
    public string InputColumnName { get; init => field = Check.NotEmpty(value, nameof(InputColumnName)); } = "Text";

    /// <summary>The columns to add.</summary>
    /// <value>The next token, and the row's loss with its counts.</value>
    public GptOutputColumns Columns { get; init; } = new();

    /// <summary>
    /// How a row's text is measured, and how special tokens spelled out in it are read; in training as well.
    /// </summary>
    /// <value>
    /// The defaults of <see cref="ScoringOptions"/>, except that special tokens are literal: a row that spells
    /// <c>&lt;|endoftext|&gt;</c> is data.
    /// </value>
    public ScoringOptions Scoring { get; init; } = new() { SpecialTokens = SpecialTokens.Literal };

    /// <summary>How <see cref="GptOutputColumns.GeneratedText"/> is generated.</summary>
    /// <value>
    /// The defaults of <see cref="GenerationOptions"/>. If <see cref="GenerationOptions.Seed"/> is
    /// <see langword="null"/>, it is the seed of the <c>MLContext</c>, or a new one for each transformer. Each row
    /// starts from the seed, whatever precedes it.
    /// </value>
    public GenerationOptions Generation { get; init; } = new();

    /// <summary>
    /// Sets a seed if tokens are drawn at random and none was given. Otherwise a text would have a different
    /// continuation each time it is read.
    /// </summary>
    internal GptTransformerOptions WithFixedSeed(int? contextSeed) => Generation is { Temperature: > 0, Seed: null }
        ? this with { Generation = Generation with { Seed = contextSeed ?? RandomNumberGenerator.GetInt32(int.MaxValue) } }
        : this;
}
