namespace MLNet.Gpt.Tests.Documentation;

/// <summary>The C# code in the pages can be pasted into a new console project.</summary>
public class CodeBlockTests
{
    public static IEnumerable<TheoryDataRow<string, int>> Blocks =>
        CodeBlock.All.Select(block => new TheoryDataRow<string, int>(block.Page, block.Line));

    [Theory]
    [MemberData(nameof(Blocks))]
    public void Compiles_as_is_without_warnings(string page, int line)
    {
        var block = CodeBlock.Of(page).Single(block => block.Line == line);
        Assert.Empty(CodeBlockCompiler.Faults(block.Code));
    }

    [Fact]
    public void Pages_are_found_in_the_root_and_in_folders() =>
        Assert.Superset(
            new HashSet<string> { "README.md", "docs/loss.md", "docs/measuring.md" },
            CodeBlock.All.Select(block => block.Page.Replace('\\', '/')).ToHashSet());

    [Theory]
    [InlineData("GptModel.Load(\"gpt2.safetensors\").Dispose();", "CS0103")] // no using directive
    [InlineData("using MLNet.Gpt; GptModel.Load(5).Dispose();", "CS1503")]
    public void A_block_that_does_not_compile_is_found(string code, string fault) =>
        Assert.Contains(fault, Assert.Single(CodeBlockCompiler.Faults(code)), StringComparison.Ordinal);
}
