using MLNet.Gpt.Evaluation;
using MLNet.Gpt.Generation;

namespace MLNet.Gpt.Transforms;

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

    /// <summary>How a row's text is measured.</summary>
    /// <value>As the lecture measures.</value>
    public ScoringOptions Scoring { get; init; } = new();

    /// <summary>How <see cref="GptOutputColumns.GeneratedText"/> is made.</summary>
    /// <value>The defaults of <see cref="GenerationOptions"/>.</value>
    public GenerationOptions Generation { get; init; } = new();
}
