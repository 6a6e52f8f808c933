namespace MLNet.Gpt.Evaluation.Scoring;

/// <summary>A run of tokens that the model is given at once.</summary>
/// <param name="Start">Place of its first token in the text's ids.</param>
/// <param name="Length">Tokens that are given; the last of them predicts the token after the window.</param>
/// <param name="ContextCount">Of those the first ones whose next token another window has scored.</param>
internal readonly record struct ScoringWindow(long Start, int Length, int ContextCount)
{
    /// <summary>Place of the token after the window, which it scores last.</summary>
    public long End => Start + Length;
}
