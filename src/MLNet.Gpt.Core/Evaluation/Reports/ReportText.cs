using System.Globalization;
using System.Net;
using System.Text;

namespace MLNet.Gpt.Evaluation.Reports;

/// <summary>Text as a page may hold it, well-formed as XML too.</summary>
internal static class ReportText
{
    /// <summary>Characters with a meaning in markup escaped; control characters as their pictures, since no page may hold them.</summary>
    public static string Encode(string text)
    {
        if (!text.Any(IsForbidden)) return WebUtility.HtmlEncode(text);
        var visible = new StringBuilder(text);
        for (int i = 0; i < visible.Length; i++)
        {
            if (IsForbidden(visible[i])) visible[i] = visible[i] < ' ' ? (char)('\u2400' + visible[i]) : '\uFFFD';
        }

        return WebUtility.HtmlEncode(visible.ToString());
    }

    /// <summary>Text within an attribute: line breaks are written as references, or they would become blanks.</summary>
    public static string EncodeAttribute(string text) => Encode(text).Replace("\n", "&#10;", StringComparison.Ordinal);

    /// <summary>A text on one line, in quotation marks.</summary>
    public static string Quote(string text)
    {
        var line = new StringBuilder(text).Replace("\n", "\\n").Replace("\r", "\\r").Replace("\t", "\\t");
        return $"'{line}'";
    }

    /// <summary>Numbers as they are written everywhere.</summary>
    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static bool IsForbidden(char character) =>
        (character < ' ' && character is not ('\n' or '\r' or '\t')) || character is '\uFFFE' or '\uFFFF';
}
