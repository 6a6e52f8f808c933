namespace MLNetGpt.HelpBuilder;

/// <summary>
/// A cmdlet's page in <c>docs/cmdlets</c>: a title, the synopsis as the first paragraph, the description up to the
/// first section, and the sections Parameters, Examples, Inputs, Outputs, Notes and Links, whose entries are
/// third-level headings.
/// </summary>
internal sealed class HelpPage
{
    private static readonly string[] Known = ["Parameters", "Examples", "Inputs", "Outputs", "Notes", "Links"];

    private HelpPage(string synopsis, string description, IReadOnlyDictionary<string, HelpSection> sections) =>
        (Synopsis, Description, Sections) = (synopsis, description, sections);

    public string Synopsis { get; }

    public string Description { get; }

    private IReadOnlyDictionary<string, HelpSection> Sections { get; }

    public HelpSection Section(string name) => Sections.TryGetValue(name, out var section) ? section : HelpSection.Empty;

    /// <summary>Reads a page.</summary>
    /// <exception cref="InvalidDataException">The page is not built as a page is.</exception>
    public static HelpPage Read(string path)
    {
        string[] parts = Split(File.ReadAllText(path).ReplaceLineEndings("\n"), "## ");
        string[] head = parts[0].Trim().Split('\n', 2);
        if (head.Length < 2 || head[0] != $"# {Path.GetFileNameWithoutExtension(path)}")
        {
            throw new InvalidDataException($"{path} must begin with '# {Path.GetFileNameWithoutExtension(path)}' and a synopsis.");
        }

        string[] body = head[1].Trim().Split("\n\n", 2);
        var sections = new Dictionary<string, HelpSection>();
        foreach (string part in parts.Skip(1))
        {
            string[] section = part.Split('\n', 2);
            string name = section[0].Trim();
            if (!Known.Contains(name))
            {
                throw new InvalidDataException($"{path} has a section '{name}'; the sections are {string.Join(", ", Known)}.");
            }

            sections.Add(name, HelpSection.Parse(section.Length > 1 ? Split(section[1], "### ") : [""]));
        }

        return new HelpPage(body[0], body.Length > 1 ? body[1] : body[0], sections);
    }

    // Splits at lines that begin with a heading's mark, outside fenced code.
    private static string[] Split(string text, string mark)
    {
        var parts = new List<string>();
        var lines = new List<string>();
        bool fenced = false;
        foreach (string line in text.Split('\n'))
        {
            if (line.StartsWith("```", StringComparison.Ordinal)) fenced = !fenced;
            if (!fenced && line.StartsWith(mark, StringComparison.Ordinal))
            {
                parts.Add(string.Join('\n', lines));
                lines = [line[mark.Length..]];
            }
            else
            {
                lines.Add(line);
            }
        }

        parts.Add(string.Join('\n', lines));
        return [.. parts];
    }
}
