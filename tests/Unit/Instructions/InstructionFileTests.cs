namespace MLNet.Gpt.Tests.Instructions;

/// <summary>Files of instructions.</summary>
public sealed class InstructionFileTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""[{"instruction": "I", "input": "", "output": "O"}, {"instruction": "J", "input": "X", "output": "P", "id": 7}]""")]
    [InlineData("""
        {"prompt": "I", "completion": "O"}

        {"instruction": "J", "input": "X", "response": "P"}
        """)]
    [InlineData("""
        {"messages": [{"role": "user", "content": "I"}, {"role": "assistant", "content": "O"}]}
        {"prompt": "J", "input": "X", "output": "P"}
        """)]
    public void The_usual_layouts_are_read(string text)
    {
        var examples = InstructionFile.Read(Write(text), TestContext.Current.CancellationToken);
        Assert.Equal([("I", "", "O"), ("J", "X", "P")], examples.Select(each => (each.Prompt, each.Input, each.Response)));
    }

    [Fact]
    public void A_system_message_precedes_the_instruction()
    {
        string path = Write(
            """
            {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "I"}, {"role": "assistant", "content": "O"}]}
            """);
        Assert.Equal("S\n\nI", Assert.Single(InstructionFile.Read(path, TestContext.Current.CancellationToken)).Prompt);
    }

    [Theory]
    [InlineData("", "has no examples")]
    [InlineData("[]", "has no examples")]
    [InlineData("""[{"instruction": "I"}]""", "example 0: It has no field 'output' or 'completion' or 'response'; it has instruction")]
    [InlineData("""[{"instruction": "I", "output": "O"}, 3]""", "example 1: It is Number instead of an object")]
    [InlineData("\n{\"prompt\": 1}", "line 2: 'prompt' is not a text")]
    [InlineData("{\"prompt\": \"I\", ", "line 1: ")]
    [InlineData("""{"messages": [{"role": "user", "content": "I"}]}""", "line 1: 'messages' has the roles user")]
    public void What_is_wrong_is_said(string text, string expected)
    {
        string path = Write(text);
        var error = Assert.Throws<InvalidDataException>(() => InstructionFile.Read(path, TestContext.Current.CancellationToken));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private string Write(string text)
    {
        string path = Path.Combine(_folder.Path, "rows.json");
        File.WriteAllText(path, text);
        return path;
    }
}
