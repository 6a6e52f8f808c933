using System.Diagnostics;

namespace MLNet.Gpt.Tests.Formats.Exporting.Killed;

/// <summary>What <see cref="KilledExportTests"/> runs in a separate process, to kill it.</summary>
public class EndlessExportTests
{
    [Fact]
    public void Exports_two_models_in_turn_to_the_same_paths()
    {
        string? folder = Environment.GetEnvironmentVariable(ExportPlaces.FolderVariable);
        if (folder is null) return; // in a run of all tests there is nothing to do
        var clock = Stopwatch.StartNew();
        for (int seed = 1; clock.Elapsed < TimeSpan.FromSeconds(60); seed = 3 - seed) ExportPlaces.Export(folder, seed);
    }
}
