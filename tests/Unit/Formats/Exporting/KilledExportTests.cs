using System.Diagnostics;

namespace MLNet.Gpt.Tests.Formats.Exporting;

/// <summary>Kills a process that exports in a loop, and always finds one of its two models intact.</summary>
public sealed class KilledExportTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public Task A_killed_export_leaves_the_old_model_or_the_new_one() => Kill(times: 2);

    [Fact(Explicit = true)]
    [Trait("Category", "Slow")]
    public Task However_often_it_is_killed() => Kill(times: 100);

    public void Dispose() => _directory.Dispose();

    private async Task Kill(int times)
    {
        string[] expected = [.. new[] { 1, 2 }.Select(seed => Path.Combine(_directory.Path, $"{seed}"))];
        for (int i = 0; i < 2; i++)
        {
            Directory.CreateDirectory(expected[i]);
            ExportPlaces.Export(expected[i], i + 1);
        }

        string folder = Directory.CreateDirectory(Path.Combine(_directory.Path, "killed")).FullName;
        var random = new Random(times);
        int interrupted = 0;
        for (int i = 0; i < times; i++)
        {
            await KillOne(folder, TimeSpan.FromMilliseconds(random.Next(1, 400)));
            foreach (string name in ExportPlaces.Names)
            {
                string found = ExportPlaces.Fingerprint(folder, name);
                Assert.Contains(found, expected.Select(place => ExportPlaces.Fingerprint(place, name)));
            }

            foreach (string left in Directory.EnumerateFileSystemEntries(folder, "*.tmp*"))
            {
                interrupted++;
                if (Directory.Exists(left)) Directory.Delete(left, recursive: true);
                else File.Delete(left);
            }
        }

        // Most of a cycle is writing, so almost all kills leave something incomplete behind.
        Assert.True(times < 10 || interrupted > times / 4, $"{interrupted} of {times} kills came in the middle of a write.");
    }

    private static async Task KillOne(string folder, TimeSpan delay)
    {
        var begun = DateTime.UtcNow;
        using var process = ChildTestRun.Start("MLNet.Gpt.Tests.Formats.Exporting.Killed", (ExportPlaces.FolderVariable, folder));
        try
        {
            // Once the last path has been written in this run, all have been.
            var clock = Stopwatch.StartNew();
            string last = Path.Combine(folder, ExportPlaces.Names[^1]);
            while (!(File.Exists(last) && File.GetLastWriteTimeUtc(last) >= begun))
            {
                Assert.False(process.HasExited, "The exporting process ended by itself.");
                Assert.True(clock.Elapsed < TimeSpan.FromMinutes(1), "Nothing was exported within a minute.");
                await Task.Delay(5, TestContext.Current.CancellationToken);
            }

            await Task.Delay(delay, TestContext.Current.CancellationToken);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }
}
