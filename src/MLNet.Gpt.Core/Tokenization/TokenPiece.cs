using System.Globalization;
using System.Text;

namespace MLNet.Gpt;

/// <summary>
/// A token by itself: its id, its bytes, and these written for a reader. Byte-level vocabularies cut characters beyond ASCII: of
/// 鯨, one of GPT-2's tokens has the first two bytes, which are no text by themselves.
/// </summary>
public sealed class TokenPiece : IEquatable<TokenPiece>
{
    private TokenPiece(int id, ReadOnlyMemory<byte> bytes) => (Id, Bytes) = (id, bytes);

    /// <summary>The token's id.</summary>
    public int Id { get; }

    /// <summary>The UTF-8 bytes that it stands for.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>
    /// Its characters, and each byte that is no part of a whole character in hexadecimal digits, such as
    /// <c>&lt;E9&gt;&lt;AF&gt;</c>: never U+FFFD for lost bytes.
    /// </summary>
    public string Text => field ??= Spell(Bytes.Span);

    /// <summary>Whether its bytes are whole characters.</summary>
    public bool IsWhole => System.Text.Unicode.Utf8.IsValid(Bytes.Span);

    /// <summary>Returns a token of a vocabulary.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public static TokenPiece Of(ITextTokenizer tokenizer, int id)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return new(id, tokenizer.TokenBytes(id));
    }

    /// <summary>Whether two tokens have the same id and the same bytes.</summary>
    public bool Equals(TokenPiece? other) => other is not null && Id == other.Id && Bytes.Span.SequenceEqual(other.Bytes.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TokenPiece);

    /// <inheritdoc/>
    public override int GetHashCode() => Id;

    /// <summary>Returns <see cref="Text"/>.</summary>
    public override string ToString() => Text;

    /// <summary>A token whose bytes are known without its tokenizer.</summary>
    internal static TokenPiece Of(int id, ReadOnlyMemory<byte> bytes) => new(id, bytes);

    private static string Spell(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes)) return Encoding.UTF8.GetString(bytes);
        var text = new StringBuilder();
        while (!bytes.IsEmpty)
        {
            bool isCharacter = Rune.DecodeFromUtf8(bytes, out var character, out int length) == System.Buffers.OperationStatus.Done;
            if (isCharacter) text.Append(character);
            else foreach (byte each in bytes[..length]) text.Append(CultureInfo.InvariantCulture, $"<{each:X2}>");
            bytes = bytes[length..];
        }

        return text.ToString();
    }
}
