namespace MLNet.Gpt.Generation;

/// <summary>Encodes the text that a model continues.</summary>
internal static class PromptEncoding
{
    /// <summary>
    /// Returns the ids of a prompt, with the beginning of text before them if the model expects it and the prompt does not
    /// have it; none for an empty prompt.
    /// </summary>
    public static int[] Encode(
        ITextTokenizer tokenizer, ReadOnlySpan<char> text, SpecialTokens specialTokens, CancellationToken cancellationToken)
    {
        int[] ids = tokenizer.Encode(text, specialTokens, cancellationToken);
        bool isMissing = tokenizer.AddsBeginningOfText && ids.Length > 0 && ids[0] != tokenizer.BeginningOfTextId;
        return isMissing ? [tokenizer.BeginningOfTextId!.Value, .. ids] : ids;
    }
}
