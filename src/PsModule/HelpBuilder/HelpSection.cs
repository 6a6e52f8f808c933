namespace MLNetGpt.HelpBuilder;

/// <summary>A section of a page.</summary>
/// <param name="Text">What stands before its first entry.</param>
/// <param name="Entries">Its entries: heading and text.</param>
internal sealed record HelpSection(string Text, IReadOnlyList<(string Heading, string Text)> Entries)
{
    public static HelpSection Empty { get; } = new("", []);

    public static HelpSection Parse(string[] parts) => new(
        parts[0].Trim(),
        [.. parts.Skip(1).Select(part => part.Split('\n', 2)).Select(entry => (entry[0].Trim(), entry.Length > 1 ? entry[1].Trim() : ""))]);
}
