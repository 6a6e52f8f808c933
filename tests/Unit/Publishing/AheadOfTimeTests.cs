using System.Globalization;

namespace MLNet.Gpt.Tests.Publishing;

/// <summary>Publishes tests/Aot as a native program, with the core in it, and runs it.</summary>
public class AheadOfTimeTests
{
    [Fact]
    public async Task A_native_program_loads_measures_and_generates_like_this_one()
    {
        Assert.SkipUnless(HasLinker, "Publishing ahead of time needs clang or gcc, which is not on the PATH.");
        string output = Path.Combine(Repository.Root, "artifacts", "aot"), program = Path.Combine(output, "program");
        string model = Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "Models", "transformers");

        // A separate folder for intermediate files leaves those of the build alone. Compiler warnings make it fail.
        await DotnetCommand.Run(
            Repository.Root,
            "publish",
            "tests/Aot",
            "--configuration",
            "Release",
            "--property:PublishAot=true",
            "--artifacts-path",
            output,
            "--output",
            program);
        string printed = await DotnetCommand.RunProgram(
            Path.Combine(program, "MLNet.Gpt.AotProgram"), Repository.Root, model, "low lower newer", "low");

        Assert.Equal(["False", .. Expected(model)], printed.TrimEnd('\n').Split('\n', 3));
        Assert.Empty(Directory.EnumerateFiles(program, "*.dll"));
        Assert.Empty(Directory.EnumerateFiles(program, "*torch*"));
    }

    private static bool HasLinker => !OperatingSystem.IsWindows() && Environment.GetEnvironmentVariable("PATH") is { } path
        && path.Split(Path.PathSeparator)
            .Any(folder => File.Exists(Path.Combine(folder, "clang")) || File.Exists(Path.Combine(folder, "gcc")));

    private static string[] Expected(string path)
    {
        using var model = GptModel.Load(path, new GptModelOptions { ThreadCount = 2 });
        var score = new TextScorer(model).Score("low lower newer");
        var text = new TextGenerator(model).Generate(
            "low", new GenerationOptions { MaxTokens = 12, Temperature = 0.8, TopK = 5, Seed = 1 });
        return [score.CrossEntropy.ToString("R", CultureInfo.InvariantCulture), text.Text];
    }
}
