using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace MLNet.Gpt.Tests.Documentation;

/// <summary>Compiles code like the program of a new console project that references each of our packages.</summary>
internal static class CodeBlockCompiler
{
    // The usings of ImplicitUsings.
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly CSharpParseOptions Parsing = new(LanguageVersion.CSharp14);
    private static readonly CSharpCompilationOptions Options = new(
        OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable);

    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(file => !Path.GetFileName(file).StartsWith("MLNet.Gpt.Tests", StringComparison.Ordinal))
            .Select(file => MetadataReference.CreateFromFile(file)),
    ];

    public static CSharpCompilation Compile(string name, string code) => CSharpCompilation.Create(
        name, [CSharpSyntaxTree.ParseText(ImplicitUsings, Parsing), CSharpSyntaxTree.ParseText(code, Parsing)], References, Options);

    /// <summary>Returns the compiler's diagnostics for the code, by line.</summary>
    public static IEnumerable<string> Faults(string code) => Compile("Block", code).GetDiagnostics()
        .Where(fault => fault.Severity >= DiagnosticSeverity.Warning)
        .Select(
            fault =>
                string.Create(
                    System.Globalization.CultureInfo.InvariantCulture,
                    $"line {fault.Location.GetLineSpan().StartLinePosition.Line + 1}: {fault.Id} "
                    + $"{fault.GetMessage(System.Globalization.CultureInfo.InvariantCulture)}"));
}
