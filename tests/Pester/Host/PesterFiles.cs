namespace MLNet.Gpt.PesterHost;

/// <summary>Where the test files lie.</summary>
internal static class PesterFiles
{
    /// <summary>The folder <c>tests/Pester</c> of the repository that this assembly was built in.</summary>
    public static string Folder { get; } = FindFolder();

    /// <summary>
    /// The test files in the order they run in: Module.Tests.ps1 first, as it looks at a process in which nothing else
    /// has loaded libraries.
    /// </summary>
    public static IEnumerable<string> All =>
        Directory.EnumerateFiles(Folder, "*.Tests.ps1")
            .OrderBy(file => Path.GetFileName(file) == "Module.Tests.ps1" ? 0 : 1)
            .ThenBy(file => file, StringComparer.Ordinal);

    private static string FindFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "MLNetGpt.sln"))) return Path.Combine(folder.FullName, "tests", "Pester");
        }

        throw new DirectoryNotFoundException($"No folder above '{AppContext.BaseDirectory}' holds MLNetGpt.sln.");
    }
}
