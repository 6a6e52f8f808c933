using System.Text;

namespace MLNet.Gpt.Data;

/// <summary>Cuts a text into lines as it is read. A line ends with LF, CR LF or CR, and keeps its end.</summary>
internal static class TextLines
{
    /// <summary>The lines, each with the characters that end it; the last may have none.</summary>
    public static IEnumerable<string> Read(TextReader reader)
    {
        char[] block = new char[16_384];
        var line = new StringBuilder();
        bool endsWithReturn = false; // whether the line may be over, if no LF follows
        for (int count; (count = reader.ReadBlock(block)) > 0;)
        {
            int start = 0;
            for (int i = 0; i < count; i++)
            {
                if (endsWithReturn && block[i] != '\n')
                {
                    line.Append(block, start, i - start);
                    start = i;
                    yield return Take(line);
                }

                endsWithReturn = block[i] == '\r';
                if (block[i] != '\n') continue;
                line.Append(block, start, i + 1 - start);
                start = i + 1;
                yield return Take(line);
            }

            line.Append(block, start, count - start);
        }

        if (line.Length > 0) yield return Take(line);
    }

    /// <summary>A line without the characters that end it.</summary>
    public static ReadOnlySpan<char> WithoutEnd(ReadOnlySpan<char> line) => line.TrimEnd('\n').TrimEnd('\r');

    /// <summary>
    /// Documents of so many lines each, the last perhaps of fewer. Ends of lines are kept within a document and not at its end. A
    /// document of nothing but white space is left out.
    /// </summary>
    public static IEnumerable<string> InGroups(IEnumerable<string> lines, int linesPerDocument) =>
        lines.Chunk(linesPerDocument).Select(Join).Where(HasText);

    /// <summary>Documents parted by blank lines. Ends of lines are kept within a document and not at its end.</summary>
    public static IEnumerable<string> InParagraphs(IEnumerable<string> lines)
    {
        var paragraph = new List<string>();
        foreach (string line in lines)
        {
            if (HasText(line))
            {
                paragraph.Add(line);
            }
            else if (paragraph.Count > 0)
            {
                yield return Join(paragraph);
                paragraph.Clear();
            }
        }

        if (paragraph.Count > 0) yield return Join(paragraph);
    }

    private static bool HasText(string text) => !string.IsNullOrWhiteSpace(text);

    private static string Join(IReadOnlyList<string> lines) => string.Concat([.. lines.SkipLast(1), WithoutEnd(lines[^1]).ToString()]);

    private static string Take(StringBuilder line)
    {
        string text = line.ToString();
        line.Clear();
        return text;
    }
}
