using System.Xml.Linq;

namespace MLNet.Gpt.Tests.Structure;

/// <summary>
/// Enforces docs/architecture.md: the layers, no cycles between folders at any depth, small folders, and which project
/// uses which package.
/// </summary>
public class ArchitectureTests
{
    private const string Core = "src/MLNet.Gpt.Core/MLNet.Gpt.Core.csproj";

    private static readonly Dictionary<string, SourceProject> Read = [];

    // From bottom to top; a folder uses only folders in lower layers, never those in its own.
    private static readonly string[][] CoreLayers =
    [
        ["Configuration"],
        ["IO"],
        ["Numerics"],
        ["Tokenization"],
        ["Loss"],
        ["Data"],
        ["Network"],
        ["Formats"],
        ["Inference"],
        ["Generation"],
        ["Evaluation", "Training"],
        ["Classification"],
    ];

    // Known faults, in the words of the tests. An entry that no longer applies fails its test, too.
    private static readonly string[] Known = [];

    public static TheoryData<string> Projects => [.. SourceProject.All];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folders_have_no_dependency_cycles_at_any_depth(string file)
    {
        var project = Project(file);
        int deepest = project.Folders.Select(folder => folder.Count(letter => letter == '/') + 1).DefaultIfEmpty().Max();
        var circles = Enumerable.Range(1, deepest).SelectMany(depth => new FolderGraph(project.Uses, depth).Circles()).ToList();

        AssertKnown(
            project.Name,
            "is in a circle",
            circles.SelectMany(circle => circle).Distinct(),
            () => circles.Select(circle => Explain(circle, project.Uses)));
    }

    [Fact]
    public void A_core_folder_uses_only_lower_layers()
    {
        var project = Project(Core);
        var wrong = project.Uses
            .Where(use => FolderGraph.Cut(use.From, 1) != FolderGraph.Cut(use.To, 1) && LayerOf(use.From) <= LayerOf(use.To))
            .ToLookup(use => $"{FolderGraph.Cut(use.From, 1)} -> {FolderGraph.Cut(use.To, 1)}");

        Assert.Equal([], project.Folders.Where(folder => LayerOf(folder) < 0));
        AssertKnown(
            project.Name,
            "is against the layers",
            wrong.Select(uses => uses.Key),
            () => wrong.SelectMany(uses => uses).Select(use => use.ToString()));

        static int LayerOf(string folder) => Array.FindIndex(CoreLayers, layer => layer.Contains(FolderGraph.Cut(folder, 1)));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_folder_has_at_most_25_files(string file)
    {
        var project = Project(file);
        var full = project.SourceFiles.GroupBy(project.FolderOf).Where(folder => folder.Count() > 25).ToList();

        AssertKnown(
            project.Name,
            "is full",
            full.Select(folder => folder.Key),
            () => full.Select(folder => $"{folder.Key}: {folder.Count()} files"));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Only_its_own_project_depends_on_TorchSharp(string file)
    {
        var project = Project(file);
        var packages = XDocument.Load(Path.Combine(Repository.Root, file))
            .Descendants("PackageReference")
            .Select(package => (string)package.Attribute("Include")!);
        bool isItsOwn = project.Name == "MLNet.Gpt.TorchSharp";

        Assert.Equal(isItsOwn, packages.Any(package => package.StartsWith("TorchSharp", StringComparison.Ordinal)));
        var uses = project.UsesOfAssembly("TorchSharp", "TorchSharp", "torch");
        if (isItsOwn) Assert.NotEmpty(uses);
        else Assert.Empty(uses);
    }

    [Fact]
    public void Cycles_are_found_at_each_depth()
    {
        FolderUse[] uses = [
            new("A/X", "B/X", "", ""), new("B/Y", "A/Y", "", ""), new("C", "A/X", "", ""), new("D/X", "D/Y", "", ""),
            new("D/Y", "D", "", ""), new("D", "D/X", "", "")
        ];
        Assert.Equal([["A", "B"]], new FolderGraph(uses, 1).Circles());
        Assert.Equal([["D", "D/X", "D/Y"]], new FolderGraph(uses, 2).Circles());
    }

    private static void AssertKnown(string project, string fault, IEnumerable<string> found, Func<IEnumerable<string>> explain)
    {
        string[] faults = [.. found.Select(each => $"{project}: {each} {fault}")];
        string[] known = [
            .. Known.Where(
                each => each.StartsWith($"{project}: ", StringComparison.Ordinal) && each.EndsWith($" {fault}", StringComparison.Ordinal))
        ];
        string[] unknown = [.. faults.Except(known)];

        Assert.True(unknown.Length == 0, $"{string.Join('\n', unknown)}\n{string.Join('\n', explain())}");
        Assert.Empty(known.Except(faults)); // fixed: remove it from the list
    }

    private static SourceProject Project(string file)
    {
        lock (Read)
        {
            if (!Read.TryGetValue(file, out var project)) Read.Add(file, project = new SourceProject(file));
            return project;
        }
    }

    // Returns the uses within a cycle, a few of each kind.
    private static string Explain(IReadOnlyList<string> circle, IReadOnlyList<FolderUse> uses)
    {
        bool Inside(string folder) => circle.Any(each => folder == each || folder.StartsWith(each + "/", StringComparison.Ordinal));
        return string.Join(", ", circle) + string.Concat(uses.Where(use => Inside(use.From) && Inside(use.To))
            .GroupBy(use => (use.From, use.To))
            .Select(
                group =>
                    $"\n    {group.Key.From} -> {group.Key.To}: "
                    + $"{string.Join(", ", group.Take(3).Select(use => $"{use.File} names {use.Type}"))}"));
    }
}
