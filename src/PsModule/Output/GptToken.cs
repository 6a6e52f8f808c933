namespace MLNetGpt.Output;

/// <summary>One token of a text.</summary>
/// <param name="Position">Its position in the text, from 0.</param>
/// <param name="Id">Its id in the vocabulary.</param>
/// <param name="Text">Its characters; a token that holds part of a character only shows U+FFFD.</param>
public sealed record GptToken(int Position, int Id, string Text)
{
    /// <summary>The token's text.</summary>
    public override string ToString() => Text;
}
