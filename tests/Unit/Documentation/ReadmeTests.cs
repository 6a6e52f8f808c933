using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.ML;

namespace MLNet.Gpt.Tests.Documentation;

/// <summary>Runs the README's ML.NET code block with the repository's files, as a reader would.</summary>
public sealed partial class ReadmeTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly string _program = Path.Combine(AppContext.BaseDirectory, $"Readme{Guid.NewGuid():N}.dll");

    [Fact(Explicit = true)]
    [Trait("Category", "Slow")]
    public async Task The_ML_NET_code_block_trains_measures_and_saves()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var block = CodeBlock.Of("README.md").Single(block => block.Code.Contains("Trainers.Gpt", StringComparison.Ordinal));
        Assert.True(CodeBlockCompiler.Compile("Readme", block.Code).Emit(_program, cancellationToken: cancellation).Success);
        string data = Path.Combine("samples", "Data", "moby-dick.txt"), copy = Path.Combine(_folder.Path, data);
        Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
        File.Copy(Path.Combine(Repository.Root, data), copy);

        string tests = Path.ChangeExtension(typeof(ReadmeTests).Assembly.Location, null);
        using var process = Process.Start(new ProcessStartInfo(
            "dotnet", ["exec", "--depsfile", $"{tests}.deps.json", "--runtimeconfig", $"{tests}.runtimeconfig.json", _program])
        {
            WorkingDirectory = _folder.Path, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        string output = await process.StandardOutput.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);

        Assert.True(process.ExitCode == 0, output + await errors);
        var figures = Figures().Match(output);
        Assert.True(figures.Success, output);
        double crossEntropy = double.Parse(figures.Groups["nats"].Value, CultureInfo.InvariantCulture);
        Assert.InRange(crossEntropy, 3, 7.3); // token frequencies alone give 7.5
        new MLContext().Model.Load(Path.Combine(_folder.Path, "gpt.zip"), out _);
    }

    public void Dispose()
    {
        File.Delete(_program);
        _folder.Dispose();
    }

    [GeneratedRegex(@"(?<nats>\d+\.\d+) nats per token, perplexity \d+\.\d+ of 50257")]
    private static partial Regex Figures();
}
