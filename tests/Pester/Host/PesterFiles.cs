namespace MLNet.Gpt.PesterHost;

/// <summary>Where the test files lie.</summary>
internal static class PesterFiles
{
    /// <summary>The folder <c>tests/Pester</c> of the repository that this assembly was built in.</summary>
    public static string Folder { get; } = FindFolder();

    public static IEnumerable<string> All => Directory.EnumerateFiles(Folder, "*.Tests.ps1").Order(StringComparer.Ordinal);

    private static string FindFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "MLNetGpt.sln"))) return Path.Combine(folder.FullName, "tests", "Pester");
        }

        throw new DirectoryNotFoundException($"No folder above '{AppContext.BaseDirectory}' holds MLNetGpt.sln.");
    }
}
