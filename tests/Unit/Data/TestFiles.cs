namespace MLNet.Gpt.Tests.Data;

/// <summary>Files of the repository, found from where the tests run.</summary>
internal static class TestFiles
{
    /// <summary>The novel's first chapters, as the samples ship them.</summary>
    public static string MobyDick { get; } = File.ReadAllText(InRepository("samples/Data/moby-dick.txt"));

    /// <summary>The path of a file of the repository.</summary>
    public static string InRepository(string path) =>
        Path.Combine(Ancestors().First(folder => File.Exists(Path.Combine(folder, "MLNetGpt.sln"))), path);

    /// <summary>The text of a file that is not part of the repository, but may lie in a folder <c>shared/data</c> around it; skips the test otherwise.</summary>
    public static string ReadShared(string name)
    {
        string? path = Ancestors().Select(folder => Path.Combine(folder, "shared", "data", name)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"shared/data/{name} is not here.");
        return File.ReadAllText(path!);
    }

    private static IEnumerable<string> Ancestors()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent) yield return folder.FullName;
    }
}
