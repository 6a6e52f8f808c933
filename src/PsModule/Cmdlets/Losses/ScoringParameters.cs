using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>Builds scoring options from the parameters of cmdlets.</summary>
internal static class ScoringParameters
{
    /// <summary>Returns the options for the parameters of a cmdlet; a length of 0 was not given.</summary>
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
