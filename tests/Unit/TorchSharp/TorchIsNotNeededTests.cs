using System.Text.Json;
using MLNet.Gpt.Tests.TorchSharp.WithoutTorch;

namespace MLNet.Gpt.Tests.TorchSharp;

public class TorchIsNotNeededTests
{
    [Fact]
    public Task A_process_that_measures_generates_and_trains_never_loads_torchsharp_or_libtorch() =>
        ChildTestRun.Run("MLNet.Gpt.Tests.TorchSharp.WithoutTorch", (NothingOfTorchIsLoadedTests.Variable, "1"));

    [Theory]
    [InlineData("MLNet.Gpt.Core")]
    [InlineData("MLNet.Gpt")]
    [InlineData("MLNet.Gpt.Extensions")]
    [InlineData("MLNet.Gpt.Charts")]
    public void A_program_using_the_other_packages_does_not_depend_on_torch(string project)
    {
        using var stream = File.OpenRead(Path.Combine(Repository.Root, "src", project, "obj", "project.assets.json"));
        string[] packages = [
            .. JsonDocument.Parse(stream).RootElement.GetProperty("libraries").EnumerateObject().Select(library => library.Name)
        ];
        Assert.NotEmpty(packages);
        Assert.DoesNotContain(packages, package => package.Contains("torch", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void No_assembly_runs_code_before_it_is_used()
    {
        string[] files = Directory.GetFiles(AppContext.BaseDirectory, "MLNet.Gpt*.dll");
        Assert.Contains(files, file => Path.GetFileName(file) == "MLNet.Gpt.TorchSharp.dll");
        foreach (string file in files.Where(file => !file.EndsWith("Tests.dll", StringComparison.Ordinal)))
        {
            Assert.Null(System.Reflection.Assembly.LoadFrom(file).ManifestModule.GetType("<Module>")?.TypeInitializer);
        }
    }
}
