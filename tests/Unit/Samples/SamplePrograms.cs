namespace MLNet.Gpt.Tests.Samples;

/// <summary>Finds the samples' programs, which are built beside the tests.</summary>
internal static class SamplePrograms
{
    /// <summary>The program of a sample.</summary>
    public static string Find(string name)
    {
        // …/tests/Unit/bin/Debug/net10.0/linux-x64/: the sample lies below the same folders of its own project.
        string build = Path.GetRelativePath(Path.Combine(Repository.Root, "tests", "Unit"), AppContext.BaseDirectory);
        return Path.Combine(Repository.Root, "samples", name, build, name + (OperatingSystem.IsWindows() ? ".exe" : string.Empty));
    }
}
