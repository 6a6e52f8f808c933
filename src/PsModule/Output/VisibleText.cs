using System.Collections;
using System.ComponentModel;
using System.Globalization;
using System.Text.RegularExpressions;

namespace MLNetGpt.Output;

/// <summary>
/// Makes text safe to show in a terminal: characters that a terminal would obey, such as ESC and those that change the
/// direction of text, become escapes like <c>\u001b</c>. Public because the views of the module call it.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static partial class VisibleText
{
    /// <summary>Returns a text in one line: line ends and tabs become <c>\n</c>, <c>\r</c> and <c>\t</c>.</summary>
    /// <param name="text">The text; <see langword="null"/> becomes the empty text.</param>
    public static string Line(string? text) => Control().Replace(text ?? "", match => match.Value switch
    {
        "\n" => @"\n",
        "\r" => @"\r",
        "\t" => @"\t",
        _ => Number(match),
    });

    /// <summary>Returns a text with its line ends and tabs.</summary>
    /// <param name="text">The text; <see langword="null"/> becomes the empty text.</param>
    public static string Block(string? text) => ControlInBlock().Replace(text ?? "", Number);

    /// <summary>Returns a text in one line, in quotes, which make blanks at its ends visible.</summary>
    /// <param name="text">The text; <see langword="null"/> becomes the empty text.</param>
    public static string Quoted(string? text) => $"'{Line(text)}'";

    /// <summary>Returns each text of a list in quotes.</summary>
    /// <param name="texts">Strings, or objects that a string represents; <see langword="null"/> for none.</param>
    public static string[] AllQuoted(IEnumerable? texts) =>
        [.. (texts ?? Array.Empty<string>()).Cast<object?>().Select(text => Quoted($"{text}"))];

    private static string Number(Match match) => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)match.Value[0]:x4}");

    [GeneratedRegex(@"[\p{Cc}\u202A-\u202E\u2066-\u2069]")]
    private static partial Regex Control();

    // A carriage return alone would let a line be written over.
    [GeneratedRegex(@"[\p{Cc}\u202A-\u202E\u2066-\u2069-[\n\r\t]]|\r(?!\n)")]
    private static partial Regex ControlInBlock();
}
