using System.Globalization;
using System.Net;
using System.Text;

namespace MLNet.Gpt.Evaluation.Reports;

/// <summary>Text that is safe in a page, and well-formed as XML too.</summary>
internal static class ReportText
{
    /// <summary>
    /// Escapes characters with a meaning in markup, and replaces control characters, which a page may not contain, with
    /// their pictures.
    /// </summary>
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

    /// <summary>
    /// Escapes text for an attribute; line breaks become character references, or they would turn into spaces.
    /// </summary>
    public static string EncodeAttribute(string text) => Encode(text).Replace("\n", "&#10;", StringComparison.Ordinal);

    /// <summary>Returns a text on one line, in quotation marks.</summary>
    public static string Quote(string text)
    {
        var line = new StringBuilder(text).Replace("\n", "\\n").Replace("\r", "\\r").Replace("\t", "\\t");
        return $"'{line}'";
    }

    /// <summary>Returns the name of a document, or its number.</summary>
    public static string NameOf(DocumentResult document) =>
        document.Name.Length > 0 ? document.Name : Invariant($"Text {document.Index + 1}");

    /// <summary>Formats a number, independently of the culture.</summary>
    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static bool IsForbidden(char character) =>
        (character < ' ' && character is not ('\n' or '\r' or '\t')) || character is '\uFFFE' or '\uFFFF';
}
