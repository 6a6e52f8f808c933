namespace MLNet.Gpt.Transforms;

/// <summary>Has the model work on a text, and on as many others as is worth while.</summary>
internal interface ITextBatcher
{
    /// <summary>Has the model compute what the active columns need of this text.</summary>
    void Compute(ScoredText text);

    /// <summary>Has the model continue this text.</summary>
    void Generate(ScoredText text);
}
