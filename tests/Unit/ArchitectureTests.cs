using System.Text.RegularExpressions;

namespace MLNet.Gpt.Tests;

/// <summary>Holds the arrows of docs/architecture.md: a folder imports only from layers below its own.</summary>
public partial class ArchitectureTests
{
    private static readonly string[][] Layers =
    [
        ["Configuration", "IO", "Data", "Loss", "Numerics", "Tokenization", "Runtime"],
        ["Checkpoints"],
        ["Network"],
        ["Model", "Inference"],
        ["Generation", "Evaluation"],
        ["Training"],
        ["Transforms"],
        [""],
    ];

    public static TheoryData<string> Folders => [.. Layers.SelectMany(layer => layer)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_imports_only_from_layers_below(string folder)
    {
        int layer = Array.FindIndex(Layers, each => each.Contains(folder));
        string[] allowed = [.. Layers.Take(layer).SelectMany(each => each), folder];
        if (layer == 0) allowed = Layers[0];

        string[] wrong = [.. Files(folder)
            .SelectMany(file => Imports().Matches(File.ReadAllText(file)).Select(match => (File: Path.GetFileName(file), Folder: match.Groups[1].Value)))
            .Where(import => !allowed.Contains(import.Folder))
            .Select(import => $"{import.File} imports {import.Folder}")];

        Assert.Empty(wrong);
    }

    [Fact]
    public void Only_model_training_and_runtime_know_torch()
    {
        string[] mayKnow = ["Model", "Training", "Runtime"];
        string[] wrong = [.. Folders.Select(row => (string)row.Data!)
            .Except(mayKnow)
            .SelectMany(Files)
            .Where(file => File.ReadAllText(file).Contains("TorchSharp", StringComparison.Ordinal) && Torch().IsMatch(File.ReadAllText(file)))
            .Select(file => Path.GetFileName(file))];

        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_folder_of_the_library_has_a_layer()
    {
        string[] folders = [.. Directory.GetDirectories(Source).Select(path => Path.GetFileName(path)).Except(["bin", "obj"])];

        Assert.Empty(folders.Except(Layers.SelectMany(layer => layer)));
        Assert.NotEmpty(folders);
    }

    private static string Source => Path.Combine(Repository.Root, "src", "MLNet.Gpt.Core");

    private static IEnumerable<string> Files(string folder) => folder.Length == 0
        ? Directory.EnumerateFiles(Source, "*.cs")
        : Directory.EnumerateFiles(Path.Combine(Source, folder), "*.cs", SearchOption.AllDirectories);

    [GeneratedRegex(@"^\s*(?:global\s+)?using\s+(?:static\s+|\w+\s*=\s*)?MLNet\.Gpt\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex Imports();

    [GeneratedRegex(@"^\s*using\s+(?:static\s+|\w+\s*=\s*)?TorchSharp|\btorch\.", RegexOptions.Multiline)]
    private static partial Regex Torch();
}
