using System.Reflection;

namespace MLNet.Gpt.PesterHost;

/// <summary>Where the test files and Pester lie.</summary>
internal static class PesterFiles
{
    public static string Repository { get; } = Metadata("Repository");

    /// <summary>The folder <c>tests/Pester</c>.</summary>
    public static string Folder { get; } = Path.Combine(Repository, "tests", "Pester");

    /// <summary>The test files in the order in which they run.</summary>
    public static string[] All => [.. Directory.EnumerateFiles(Folder, "*.Tests.ps1").Order(StringComparer.Ordinal)];

    /// <summary>The manifest of a version of Pester that was restored with this project.</summary>
    /// <param name="major">The major version.</param>
    public static string Pester(int major) =>
        Path.Combine(Metadata("Packages"), "pester", Metadata($"Pester{major}"), "tools", "Pester.psd1");

    private static string Metadata(string key) =>
        typeof(PesterFiles).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
