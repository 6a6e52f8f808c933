using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace MLNet.Gpt.Evaluation.Reports;

/// <summary>
/// Tokens that a page shows as one, so that it shows whole characters: usually a single token, and all tokens of a
/// character that spans several.
/// </summary>
/// <param name="First">The document's first token, if it belongs to the group and is not predicted.</param>
/// <param name="Tokens">The predicted tokens, in order.</param>
internal sealed record TokenGroup(TokenPiece? First, IReadOnlyList<ScoredToken> Tokens)
{
    // No character has more bytes, and a token has at least one.
    private const int MostTokens = 8;

    /// <summary>
    /// The characters in the document or, for a token without characters there, such as one that ends the document, the
    /// token's own.
    /// </summary>
    public string Text
    {
        get
        {
            string text = string.Concat(Tokens.Select(token => token.Text));
            if (First is not null) text = WholeCharacters(First.Bytes.Span) + text;
            return text.Length > 0 ? text : string.Concat(Tokens.Select(token => token.Piece.Text));
        }
    }

    /// <summary>The surprisal of its tokens together.</summary>
    public double Bits => Tokens.Sum(token => token.Bits);

    /// <summary>The groups of a document.</summary>
    public static IEnumerable<TokenGroup> Of(DocumentResult document)
    {
        var first = document.FirstToken;
        var tokens = new List<ScoredToken>();
        var bytes = new List<byte>(first?.Bytes.ToArray() ?? []);
        if (first is not null && IsWhole(bytes))
        {
            yield return new(first, []);
            first = null;
            bytes.Clear();
        }

        foreach (var token in document.Tokens)
        {
            tokens.Add(token);
            bytes.AddRange(token.Piece.Bytes.Span);
            if (!IsWhole(bytes) && tokens.Count < MostTokens) continue;
            yield return new(first, [.. tokens]);
            first = null;
            tokens.Clear();
            bytes.Clear();
        }

        if (tokens.Count > 0) yield return new(first, [.. tokens]);
    }

    // The characters of the first bytes; what follows is part of a character that a later token completes.
    private static string WholeCharacters(ReadOnlySpan<byte> bytes)
    {
        int length = 0;
        while (length < bytes.Length && Rune.DecodeFromUtf8(bytes[length..], out _, out int next) == OperationStatus.Done) length += next;
        return Encoding.UTF8.GetString(bytes[..length]);
    }

    private static bool IsWhole(List<byte> bytes) => Utf8.IsValid(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes));
}
