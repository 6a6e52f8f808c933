using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>How texts are measured, as cmdlets take it.</summary>
internal static class ScoringParameters
{
    /// <summary>The options that the parameters of a cmdlet amount to; what is 0 was not given.</summary>
    public static ScoringOptions Options(
        int windowLength, int stride, LastWindow lastWindow, bool prependEndOfText, SpecialTokens specialToken,
        DocumentBoundaries documents = DocumentBoundaries.Separate) => new()
        {
            WindowLength = windowLength == 0 ? null : windowLength,
            Stride = stride == 0 ? null : stride,
            LastWindow = lastWindow,
            PrependEndOfText = prependEndOfText,
            SpecialTokens = specialToken,
            Documents = documents,
        };
}
