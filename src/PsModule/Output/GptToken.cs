using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>One token of a text.</summary>
public sealed class GptToken
{
    internal GptToken(int position, int byteStart, TokenPiece piece) => (Position, ByteStart, Piece) = (position, byteStart, piece);

    /// <summary>Its position in the text, from 0.</summary>
    public int Position { get; }

    /// <summary>Its id in the vocabulary.</summary>
    public int Id => Piece.Id;

    /// <summary>
    /// Its characters, and each byte that is no part of a whole character in hexadecimal digits, such as
    /// <c>&lt;E9&gt;&lt;AF&gt;</c>.
    /// </summary>
    public string Text => Piece.Text;

    /// <summary>The UTF-8 bytes that it stands for; those of all tokens together are the text.</summary>
    public byte[] Bytes => Piece.Bytes.ToArray();

    /// <summary>Index of the first of its bytes in the text's UTF-8.</summary>
    public int ByteStart { get; }

    internal TokenPiece Piece { get; }

    /// <summary>The token's text.</summary>
    public override string ToString() => Text;
}
