using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace MLNetGpt.Completers;

/// <summary>
/// Completes paths, and of files only those that can hold a model. Wildcard characters in a name are escaped, as
/// <c>-Path</c> would take them as a pattern; hidden items are offered where the word begins with a dot.
/// </summary>
public sealed class ModelFileCompleter : IArgumentCompleter
{
    private static readonly string[] Extensions = [".safetensors", ".gguf", ".pth", ".pt", ".bin", ".index", ".json", ".zip", ".gpt"];
    private static readonly EnumerationOptions Visible = new() { IgnoreInaccessible = true };
    private static readonly EnumerationOptions All = new() { IgnoreInaccessible = true, AttributesToSkip = FileAttributes.None };

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string word = WildcardPattern.Unescape(wordToComplete.Trim('\'', '"'));
        int cut = word.LastIndexOfAny(['/', '\\']) + 1;
        string parent = word[..cut];
        if (Resolve(parent) is not { } folder) yield break;

        string beginning = word[cut..];
        var entries = new DirectoryInfo(folder).EnumerateFileSystemInfos($"{beginning}*", beginning.StartsWith('.') ? All : Visible);
        foreach (var entry in entries.OrderBy(entry => entry.Name, StringComparer.OrdinalIgnoreCase))
        {
            bool isFolder = entry is DirectoryInfo;
            if (!isFolder && !Extensions.Contains(entry.Extension, StringComparer.OrdinalIgnoreCase)) continue;
            var type = isFolder ? CompletionResultType.ProviderContainer : CompletionResultType.ProviderItem;
            yield return new CompletionResult(Quote(WildcardPattern.Escape(parent + entry.Name)), entry.Name, type, entry.FullName);
        }
    }

    // A completer has no session of its own to ask; a script runs in the one that completes.
    private static string? Resolve(string parent)
    {
        try
        {
            string? folder = ScriptBlock.Create(
                "param($path) $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($path)")
                .Invoke(parent.Length == 0 ? "." : parent).FirstOrDefault()?.BaseObject as string;
            return Directory.Exists(folder) ? folder : null;
        }
        catch (RuntimeException)
        {
            return null;
        }
    }

    private static string Quote(string path) =>
        path.AsSpan().IndexOfAny(" '\"`$&;,(){}[]|<>@#") >= 0 ? $"'{path.Replace("'", "''", StringComparison.Ordinal)}'" : path;
}
