namespace MLNet.Gpt.Tests.Samples;

/// <summary>Finds the samples' programs, which are built with the tests.</summary>
internal static class SamplePrograms
{
    /// <summary>Returns the program of a sample.</summary>
    public static string Find(string name)
    {
        // …/tests/Unit/bin/Debug/net10.0/linux-x64/: the sample is in the same subfolders of its own project.
        string build = Path.GetRelativePath(Path.Combine(Repository.Root, "tests", "Unit"), AppContext.BaseDirectory);
        return Path.Combine(Repository.Root, "samples", name, build, name + (OperatingSystem.IsWindows() ? ".exe" : string.Empty));
    }
}
