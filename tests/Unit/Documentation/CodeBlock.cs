using System.Text.RegularExpressions;

namespace MLNet.Gpt.Tests.Documentation;

/// <summary>A block of C# in one of the repository's Markdown pages.</summary>
/// <param name="Page">The page, from the repository's root.</param>
/// <param name="Line">The line of its first statement, from 1.</param>
/// <param name="Code">The code.</param>
internal sealed partial record CodeBlock(string Page, int Line, string Code)
{
    private static readonly string[] NotOurs = ["artifacts", "bin", "obj", "node_modules", ".git"];

    /// <summary>The blocks of all pages, in the order of the pages' names.</summary>
    public static IEnumerable<CodeBlock> All => Pages(Repository.Root).Order(StringComparer.Ordinal).SelectMany(Of);

    /// <summary>Returns the blocks of a page.</summary>
    public static IEnumerable<CodeBlock> Of(string page)
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, page));
        return Fence().Matches(text).Select(
            match =>
                new CodeBlock(page, text[..match.Groups["code"].Index].Count(letter => letter == '\n') + 1, match.Groups["code"].Value));
    }

    private static IEnumerable<string> Pages(string folder) =>
        Directory.EnumerateFiles(folder, "*.md").Select(file => Path.GetRelativePath(Repository.Root, file))
            .Concat(Directory.EnumerateDirectories(folder).Where(inner => !NotOurs.Contains(Path.GetFileName(inner))).SelectMany(Pages));

    [GeneratedRegex(@"^ *```(csharp|cs|c#|C#)\s*?\r?\n(?<code>.*?)^ *```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
