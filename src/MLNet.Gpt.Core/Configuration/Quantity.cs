using System.Globalization;

namespace MLNet.Gpt.Configuration;

/// <summary>Counts with their nouns, for messages.</summary>
internal static class Quantity
{
    /// <summary>Returns a count with its noun in the invariant culture, such as <c>1 token</c> or <c>2 tokens</c>.</summary>
    /// <param name="count">The count.</param>
    /// <param name="noun">The noun in the singular; its plural ends with s.</param>
    /// <param name="format">The format of the number.</param>
    public static string Of(long count, string noun, string format = "D") =>
        $"{count.ToString(format, CultureInfo.InvariantCulture)} {noun}{(count == 1 ? "" : "s")}";
}
