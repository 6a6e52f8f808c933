namespace MLNet.Gpt.Tests;

/// <summary>Finds the repository's files, and the shared data that may lie beside it, from wherever the tests run.</summary>
internal static class Repository
{
    public static string Root { get; } = Ancestors().First(folder => File.Exists(Path.Combine(folder, "MLNetGpt.sln")));

    /// <summary>The lecture's text, or <see langword="null"/> where it is not on this machine; it is not part of the project.</summary>
    public static string? TheVerdict { get; } = Ancestors()
        .Select(folder => Path.Combine(folder, "shared", "data", "the-verdict.txt"))
        .FirstOrDefault(File.Exists);

    private static IEnumerable<string> Ancestors()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent) yield return folder.FullName;
    }
}
