using System.Reflection;
using System.Xml.Linq;
using Microsoft.ML;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>Only one version of Microsoft.ML works, because its internals are used.</summary>
public class MicrosoftMLVersionTests
{
    [Fact]
    public void The_loaded_version_is_the_required_one()
    {
        MicrosoftMLVersion.Check();
        string loaded = typeof(MLContext).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        Assert.Null(MicrosoftMLVersion.FindProblem(MicrosoftMLVersion.Required, "Microsoft.ML.Data", loaded));
        Assert.Null(MicrosoftMLVersion.FindProblem("5.0.1", "Microsoft.ML.Data", "5.0.1"));
    }

    [Theory]
    [InlineData("5.0.2+0123456", "5.0.2")]
    [InlineData("6.0.0", "6.0.0")]
    [InlineData("5.0.1-preview.1+0123456", "5.0.1-preview.1")]
    [InlineData("5.0.10", "5.0.10")]
    [InlineData(null, "unknown")]
    public void For_another_version_both_are_named(string? loaded, string named)
    {
        string problem = MicrosoftMLVersion.FindProblem("5.0.1", "Microsoft.ML.Core", loaded)!;

        Assert.Contains(
            $"loaded Microsoft.ML.Core is {(loaded is null ? "of an unknown version" : named)};",
            problem,
            StringComparison.Ordinal);
        Assert.Contains("only with Microsoft.ML 5.0.1", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_package_requires_exactly_this_version()
    {
        var packages = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props"));

        string version = packages.Descendants("PackageVersion").Single(each => (string?)each.Attribute("Include") == "Microsoft.ML")
            .Attribute("Version")!.Value;

        Assert.Equal("[$(MicrosoftMLVersion)]", version);
        Assert.Equal(MicrosoftMLVersion.Required, packages.Descendants("MicrosoftMLVersion").Single().Value);
    }
}
