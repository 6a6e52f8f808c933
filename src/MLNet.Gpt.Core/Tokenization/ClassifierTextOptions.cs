using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>How a <see cref="GptClassifier"/> reads texts, in training and in prediction. Saved with it.</summary>
public sealed record ClassifierTextOptions
{
    /// <summary>The number of tokens that are read of a text or pair; from 1 to the model's context length.</summary>
    /// <value><see langword="null"/>: the model's context length.</value>
    public int? MaxTokenCount { get; init => field = Check.AtLeast(value, 1, nameof(MaxTokenCount)); }

    /// <summary>
    /// Whether a text of more tokens is an error. Otherwise its end is not read; of a pair, the longer text loses tokens until both
    /// are equally long.
    /// </summary>
    /// <value><see langword="false"/>, as in the book.</value>
    public bool RefusesLongTexts { get; init; }

    /// <summary>How special tokens spelled out in a text are read.</summary>
    /// <value><see cref="SpecialTokens.Literal"/>: a text that spells <c>&lt;|endoftext|&gt;</c> is data.</value>
    public SpecialTokens SpecialTokens { get; init => field = Check.Defined(value, nameof(SpecialTokens)); } = SpecialTokens.Literal;

    /// <summary>Returns these options if they fit a model.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="MaxTokenCount"/> is above the context length.</exception>
    internal ClassifierTextOptions ValidatedFor(GptConfig config)
    {
        if (MaxTokenCount is { } count) Check.Between(count, 1, config.ContextLength, nameof(MaxTokenCount));
        return this;
    }
}
