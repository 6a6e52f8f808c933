using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using MLNet.Gpt;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>
/// Turns a text into lines in which the color of each token, or a mark after it, says how probable it was. Each line is
/// complete in itself: it ends in the terminal's own colors.
/// </summary>
/// <param name="hasColors">Whether lines have colors; marks otherwise.</param>
internal sealed class LossPainter(bool hasColors)
{
    private const string Reset = "\e[0m";

    // Six steps of the scale cividis (Nuñez, Anderton and Renslow, 2018), which looks the same to people with and
    // without color blindness: from dark blue to bright yellow, in about equal steps of lightness. The colors of the
    // text on it have a contrast of at least 4.5 (WCAG 2.1, 1.4.3), whatever the theme of the terminal.
    private static readonly Level[] Levels =
    [
        new(0.5, "50-100 %", 0xFFFFFF, 0x00204D),
        new(0.1, "10-50 %", 0xFFFFFF, 0x31446B),
        new(0.01, "1-10 %", 0xFFFFFF, 0x666970),
        new(0.001, "0.1-1 %", 0x000000, 0x958F78),
        new(0.0001, "0.01-0.1 %", 0x000000, 0xCBBA69),
        new(0, "below 0.01 %", 0x000000, 0xFFEA46),
    ];

    // No character has more bytes, and a token has at least one.
    private const int MostTokens = 8;

    private readonly StringBuilder _line = new();
    private readonly List<ScoredToken> _pending = []; // tokens of a character that is not complete
    private readonly List<byte> _bytes = [];
    private int? _level; // the color at the end of the line
    private int _position = -1; // of the last token

    /// <summary>What the colors or marks mean.</summary>
    public string Legend => hasColors
        ? "Probability of a token: " + string.Join(' ', Levels.Select(level => $"{level.Style} {level.Name} {Reset}"))
        : "Probability of a token: no mark " + Levels[0].Name
            + string.Concat(Levels.Skip(1).Select((level, i) => FormattableString.Invariant($", [{i + 1}] {level.Name}")));

    /// <summary>Adds the text, or the next part of it; returns the lines that are complete.</summary>
    public IReadOnlyList<string> Paint(DocumentResult part)
    {
        var lines = new List<string>();
        if (part.FirstToken is { } first)
        {
            // Of its bytes, those of a character that the next token completes are shown with that.
            string text = Encoding.UTF8.GetString(first.Bytes.Span);
            if (part.Tokens.Count > 0 && part.Tokens[0].Start < text.Length) text = text[..part.Tokens[0].Start];
            Append(text, null, lines);
            if (!first.IsWhole) _bytes.AddRange(first.Bytes.Span);
            _position = 0;
        }

        foreach (var token in part.Tokens)
        {
            if (token.Position > _position + 1)
            {
                AppendPending(lines);
                Append("…", null, lines); // tokens were left out
            }

            _position = token.Position;
            _pending.Add(token);
            _bytes.AddRange(token.Piece.Bytes.Span);
            if (Utf8.IsValid(CollectionsMarshal.AsSpan(_bytes)) || _pending.Count == MostTokens) AppendPending(lines);
        }

        return lines;
    }

    /// <summary>Ends the text; returns the lines that are left.</summary>
    public IReadOnlyList<string> Complete()
    {
        var lines = new List<string>();
        AppendPending(lines);
        if (_line.Length > 0) EndLine(lines);
        return lines;
    }

    // A character that spans several tokens is shown whole, with their losses together.
    private void AppendPending(List<string> lines)
    {
        if (_pending.Count == 0) return;
        string text = string.Concat(_pending.Select(token => token.Text));
        if (text.Length == 0) text = string.Concat(_pending.Select(token => token.Piece.Text)); // such as an end-of-text token
        double probability = Math.Exp(-_pending.Sum(token => token.NegativeLogLikelihood));
        _pending.Clear();
        _bytes.Clear();
        Append(text, Array.FindIndex(Levels, level => probability >= level.Lowest), lines);
    }

    private void Append(string text, int? level, List<string> lines)
    {
        int body = hasColors || level is null or 0 ? text.Length : text.TrimEnd('\n').Length;
        AppendCharacters(text.AsSpan(0, body), level, lines);
        if (body == text.Length && (hasColors || level is null or 0)) return;
        _line.Append(CultureInfo.InvariantCulture, $"[{level}]");
        AppendCharacters(text.AsSpan(body), level, lines);
    }

    private void AppendCharacters(ReadOnlySpan<char> text, int? level, List<string> lines)
    {
        while (!text.IsEmpty)
        {
            if (hasColors) SwitchTo(level);
            int length = text.IndexOfAny('\n', '\t');
            _line.Append(VisibleText.Line(text[..(length < 0 ? text.Length : length)].ToString()));
            if (length < 0) return;
            bool isTab = text[length] == '\t';
            if (hasColors && level is not null) _line.Append(isTab ? '→' : '↵');
            if (isTab) _line.Append('\t');
            else EndLine(lines);
            text = text[(length + 1)..];
        }
    }

    private void SwitchTo(int? level)
    {
        if (level == _level) return;
        _line.Append(level is { } next ? Levels[next].Style : Reset);
        _level = level;
    }

    private void EndLine(List<string> lines)
    {
        SwitchTo(null);
        lines.Add(_line.ToString());
        _line.Clear();
    }

    private sealed class Level(double lowest, string name, int foreground, int background)
    {
        public double Lowest => lowest;

        public string Name => name;

        // As $PSStyle.Foreground.FromRgb and $PSStyle.Background.FromRgb write it.
        public string Style { get; } = $"{Color(38, foreground)}{Color(48, background)}";

        private static string Color(int kind, int rgb) =>
            FormattableString.Invariant($"\e[{kind};2;{(rgb >> 16) & 255};{(rgb >> 8) & 255};{rgb & 255}m");
    }
}
