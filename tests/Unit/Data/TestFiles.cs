namespace MLNet.Gpt.Tests.Data;

/// <summary>Texts that tests read.</summary>
internal static class TestFiles
{
    /// <summary>The novel's first chapters, as shipped with the samples.</summary>
    public static string MobyDick { get; } = File.ReadAllText(InRepository("samples/Data/moby-dick.txt"));

    /// <summary>Returns the path of a file in the repository.</summary>
    public static string InRepository(string path) => Path.Combine(Repository.Root, path);

    /// <summary>The lecture's story, as shipped with the samples.</summary>
    public static string TheVerdict { get; } = File.ReadAllText(InRepository("samples/Data/the-verdict.txt"));
}
