using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace MLNet.Gpt.Tests.Structure;

/// <summary>A project's sources as seen by the compiler: which folder uses which types of which other folder.</summary>
internal sealed class SourceProject
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

    private static readonly CSharpCompilationOptions Options =
        new(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable);

    private static readonly MetadataReference[] References =
        [.. (
            (string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(file =>
                MetadataReference.CreateFromFile(file))];

    private readonly string _root;
    private readonly HashSet<string> _declared;
    private readonly Lazy<IReadOnlyList<FolderUse>> _uses;

    /// <summary>Reads the project in a folder.</summary>
    /// <param name="projectFile">The project's file, from the repository's root.</param>
    public SourceProject(string projectFile)
    {
        File = projectFile;
        _root = Path.GetDirectoryName(Path.Combine(Repository.Root, projectFile))!;
        SourceFiles = [.. FilesOf(_root).Order(StringComparer.Ordinal)];
        Compilation = Compile();
        _declared = [.. Compilation.SyntaxTrees.SelectMany(DeclaredIn)];
        _uses = new(FindUses);
    }

    /// <summary>The project's file, from the repository's root.</summary>
    public string File { get; }

    /// <summary>The project's name.</summary>
    public string Name => Path.GetFileNameWithoutExtension(File);

    /// <summary>The sources, as full paths.</summary>
    public IReadOnlyList<string> SourceFiles { get; }

    /// <summary>The sources, compiled without the output of source generators.</summary>
    public CSharpCompilation Compilation { get; }

    /// <summary>The folders with sources, relative to the project's own, which is <c>.</c>.</summary>
    public IReadOnlyList<string> Folders => [.. SourceFiles.Select(FolderOf).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The project files under <c>src</c>, from the repository's root.</summary>
    public static IEnumerable<string> All =>
        Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.csproj", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    /// <summary>The folder of one of the project's files.</summary>
    public string FolderOf(string file) => Path.GetRelativePath(_root, Path.GetDirectoryName(file)!).Replace('\\', '/');

    /// <summary>Every use of a type in one folder by a file in another, once per file and type.</summary>
    public IReadOnlyList<FolderUse> Uses => _uses.Value;

    /// <summary>
    /// Returns every occurrence of certain names that refer to another assembly, as <c>File.cs: name</c>.
    /// </summary>
    public IReadOnlyList<string> UsesOfAssembly(
        string assembly, params HashSet<string> names) => [.. Compilation.SyntaxTrees.SelectMany(tree =>
    {
        var model = Compilation.GetSemanticModel(tree);
        return NamesIn(tree, names)
            .Where(name => model.GetSymbolInfo(name).Symbol?.ContainingAssembly?.Name == assembly)
            .Select(name => $"{Path.GetFileName(tree.FilePath)}: {name}");
    })];

    private IReadOnlyList<FolderUse> FindUses() => [.. Compilation.SyntaxTrees
        .AsParallel()
        .Where(tree => tree.FilePath.Length > 0)
        .SelectMany(tree => UsesOf(tree, _declared))
        .OrderBy(use => use.From, StringComparer.Ordinal)
        .ThenBy(use => use.File, StringComparer.Ordinal)
        .ThenBy(use => use.Type, StringComparer.Ordinal)];

    private IEnumerable<FolderUse> UsesOf(SyntaxTree tree, HashSet<string> declared)
    {
        var model = Compilation.GetSemanticModel(tree);
        string from = FolderOf(tree.FilePath), file = Path.GetFileName(tree.FilePath);
        return NamesIn(tree, declared)
            .SelectMany(name => NamedType(model, name))
            .SelectMany(
                type =>
                    type.DeclaringSyntaxReferences.Select(
                        place => new FolderUse(from, FolderOf(place.SyntaxTree.FilePath), file, type.Name)))
            .Where(use => use.To != from)
            .Distinct()
            .ToList();
    }

    private static IEnumerable<SimpleNameSyntax> NamesIn(SyntaxTree tree, HashSet<string> names) =>
        tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>().Where(name => names.Contains(name.Identifier.Text));

    // The names of types and extensions; not binding other names saves most of the time.
    private static IEnumerable<string> DeclaredIn(SyntaxTree tree) => tree.GetRoot().DescendantNodes().Select(node => node switch
    {
        BaseTypeDeclarationSyntax type => type.Identifier.Text,
        DelegateDeclarationSyntax type => type.Identifier.Text,
        MethodDeclarationSyntax method when IsExtension(method) => method.Identifier.Text,
        PropertyDeclarationSyntax { Parent: ExtensionBlockDeclarationSyntax } property => property.Identifier.Text,
        _ => "",
    });

    private static bool IsExtension(MethodDeclarationSyntax method) =>
        method.Parent is ExtensionBlockDeclarationSyntax
            || method.ParameterList.Parameters.Any(parameter => parameter.Modifiers.Any(SyntaxKind.ThisKeyword));

    // A name refers to a type, or to a member that is accessed without an instance of its type: a static one or an
    // extension.
    private static IEnumerable<INamedTypeSymbol> NamedType(SemanticModel model, SimpleNameSyntax name)
    {
        var found = model.GetSymbolInfo(name);
        var symbols = found.Symbol is { } symbol ? [symbol] : found.CandidateSymbols;
        return symbols
            .Select(each => each switch
            {
                INamedTypeSymbol type => type,
                IMethodSymbol { MethodKind: MethodKind.Constructor } constructor => constructor.ContainingType,
                IMethodSymbol { ReducedFrom: { } extension } => extension.ContainingType,
                { IsStatic: true, Kind: not SymbolKind.Namespace } => each.ContainingType,
                _ => null,
            })
            .OfType<INamedTypeSymbol>();
    }

    private CSharpCompilation Compile() => CSharpCompilation.Create(
        Name,
        [
            CSharpSyntaxTree.ParseText(ImplicitUsings, Parsing),
            .. SourceFiles.Select(file => CSharpSyntaxTree.ParseText(System.IO.File.ReadAllText(file), Parsing, file)),
        ],
        References.Where(reference => Path.GetFileNameWithoutExtension(reference.Display) != Name),
        Options);

    private static IEnumerable<string> FilesOf(string folder) =>
        Directory.EnumerateFiles(folder, "*.cs").Concat(Directory.EnumerateDirectories(folder)
        .Where(inner => Path.GetFileName(inner) is not ("bin" or "obj") && !Directory.EnumerateFiles(inner, "*.csproj").Any())
        .SelectMany(FilesOf));
}

/// <summary>A file in one folder that uses a type in another.</summary>
/// <param name="From">The folder that uses.</param>
/// <param name="To">The folder that is used.</param>
/// <param name="File">The file that uses.</param>
/// <param name="Type">The type that is used.</param>
internal readonly record struct FolderUse(string From, string To, string File, string Type)
{
    public override string ToString() => $"{From} -> {To}: {File} names {Type}";
}
