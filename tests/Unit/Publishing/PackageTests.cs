using System.IO.Compression;
using System.Xml.Linq;
using MLNet.Gpt.Tests.Structure;

namespace MLNet.Gpt.Tests.Publishing;

/// <summary>
/// Packs the packages into a folder, inspects them, and uses the core package from a project outside the repository.
/// </summary>
public sealed class PackageTests : IDisposable
{
    private static readonly string[] Packages = [
        "MLNet.Gpt", "MLNet.Gpt.Charts", "MLNet.Gpt.Core", "MLNet.Gpt.Extensions", "MLNet.Gpt.TorchSharp"
    ];

    private readonly TemporaryDirectory _folder = new();

    [Fact(Explicit = true)]
    [Trait("Category", "Slow")]
    public async Task A_program_outside_the_repository_measures_a_file_with_only_the_core_package()
    {
        string packages = Path.Combine(_folder.Path, "packages"), program = Path.Combine(_folder.Path, "program");
        await DotnetCommand.Run(Repository.Root, "pack", "src/Packages.slnf", "--configuration", "Release", "--output", packages);

        string version = CheckPackages(packages);

        Directory.CreateDirectory(program);
        File.WriteAllText(Path.Combine(program, "nuget.config"), $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{Path.Combine(_folder.Path, "restored")}" /></config>
              <packageSources><add key="local" value="{packages}" /></packageSources>
              <fallbackPackageFolders><add key="here" value="{GlobalPackages}" /></fallbackPackageFolders>
            </configuration>
            """);
        File.WriteAllText(Path.Combine(program, "Measure.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="MLNet.Gpt.Core" Version="{version}" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(program, "Program.cs"), """
            using MLNet.Gpt;

            using var model = GptModel.Load(args[0]);
            var score = new TextScorer(model).Score(File.ReadAllText(args[1]));
            Console.WriteLine(score.CrossEntropy.ToString("R", System.Globalization.CultureInfo.InvariantCulture));
            """);
        string text = Path.Combine(program, "text.txt"),
            fixture = Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "Models", "transformers");
        File.WriteAllText(text, "low lower newer");

        string output = await DotnetCommand.Run(program, "run", "--configuration", "Release", "--", fixture, text);
        using var model = GptModel.Load(fixture);
        Assert.Equal(
            new TextScorer(model).Score("low lower newer").CrossEntropy,
            double.Parse(output, System.Globalization.CultureInfo.InvariantCulture));

        string[] files = [
            .. Directory.EnumerateFiles(Path.Combine(program, "bin"), "*", SearchOption.AllDirectories)
                .Select(file => Path.GetFileName(file))
        ];
        Assert.Contains("MLNet.Gpt.Core.dll", files);
        Assert.DoesNotContain(
            files,
            file =>
                file.Contains("torch", StringComparison.OrdinalIgnoreCase)
                    || file.StartsWith("Microsoft.ML.Core", StringComparison.Ordinal));
    }

    [Fact]
    public void Exactly_the_libraries_are_packable_and_list_their_public_API()
    {
        var packable = SourceProject.All
            .Where(
                file => (string?)XDocument.Load(Path.Combine(Repository.Root, file)).Descendants("IsPackable").FirstOrDefault() != "false")
            .ToList();

        Assert.Equal(Packages, packable.Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal));
        Assert.All(packable, file =>
        {
            string folder = Path.GetDirectoryName(Path.Combine(Repository.Root, file))!;
            Assert.True(
                File.Exists(Path.Combine(folder, "PublicAPI.Shipped.txt")) && File.Exists(Path.Combine(folder, "PublicAPI.Unshipped.txt")),
                file);
        });
    }

    public void Dispose() => _folder.Dispose();

    private static string GlobalPackages => Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    // Returns the packages' common version.
    private static string CheckPackages(string folder)
    {
        string[] files = [.. Directory.EnumerateFiles(folder, "*.nupkg").Order(StringComparer.Ordinal)];
        var manifests = files.Select(Manifest).ToList();
        XNamespace space = manifests[0].Root!.Name.Namespace;
        string Of(XDocument manifest, string name) => (string?)manifest.Descendants(space + name).FirstOrDefault() ?? "";

        Assert.Equal(Packages, manifests.Select(manifest => Of(manifest, "id")).Order(StringComparer.Ordinal));
        string version = Assert.Single(manifests.Select(manifest => Of(manifest, "version")).Distinct());
        Assert.All(manifests, manifest =>
        {
            string[] named = ["description", "tags", "authors", "license"];
            Assert.All(named, name => Assert.NotEqual("", Of(manifest, name)));
            Assert.Equal("README.md", Of(manifest, "readme"));
            Assert.Equal("icon.png", Of(manifest, "icon"));
            Assert.Equal(
                Of(manifest, "projectUrl"), (string?)manifest.Descendants(space + "repository").FirstOrDefault()?.Attribute("url") ?? "");

            var dependencies = manifest.Descendants(space + "dependency")
                .ToDictionary(each => (string)each.Attribute("id")!, each => (string)each.Attribute("version")!);
            Assert.All(dependencies.Where(each => Packages.Contains(each.Key)), each => Assert.Equal($"[{version}]", each.Value));
            Assert.All(dependencies.Where(each => each.Key == "Microsoft.ML"), each => Assert.Equal("[5.0.1]", each.Value));
            Assert.Equal(Of(manifest, "id") == "MLNet.Gpt.TorchSharp", dependencies.ContainsKey("TorchSharp-cpu"));
        });

        Assert.All(files, file =>
        {
            using var package = ZipFile.OpenRead(file);
            string name = Path.GetFileName(file)[..^$".{version}.nupkg".Length];
            string[] entries = [$"lib/net10.0/{name}.dll", $"lib/net10.0/{name}.xml", "README.md", "icon.png"];
            Assert.Superset(entries.ToHashSet(), package.Entries.Select(entry => entry.FullName).ToHashSet());
            Assert.True(File.Exists(Path.ChangeExtension(file, "snupkg")), file);
        });
        return version;
    }

    private static XDocument Manifest(string file)
    {
        using var package = ZipFile.OpenRead(file);
        using var manifest = package.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
        return XDocument.Load(manifest);
    }
}
