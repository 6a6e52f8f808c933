using System.Management.Automation;
using System.Management.Automation.Host;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Reads prompts from the keyboard and continues each on the screen: <c>Enter-GptPrompt</c>.</summary>
[Cmdlet(VerbsCommon.Enter, "GptPrompt")]
[OutputType(typeof(void))]
public sealed class EnterGptPromptCommand : GenerationCommand
{
    private const string Question = "Prompt> ";

    /// <inheritdoc/>
    [Parameter(Position = 0)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        while (ReadPrompt() is { Length: > 0 } prompt) Continue(prompt, () => Generate(prompt));
    }

    private string? ReadPrompt()
    {
        try
        {
            Host.UI.Write(Question);
            return Host.UI.ReadLine();
        }
        catch (Exception silent) when (silent is HostException or PSInvalidOperationException or NotImplementedException)
        {
            Terminate(
                new InvalidOperationException(
                    "Enter-GptPrompt reads prompts from the keyboard, and this session has none. Use Invoke-GptGenerate instead.", silent),
                "HostNotInteractive", ErrorCategory.InvalidOperation, null);
            return null;
        }
    }

    private void Generate(string prompt)
    {
        try
        {
            Host.UI.Write(VisibleText.Block(prompt));
            string held = ""; // a carriage return, until it is known whether a line feed follows
            foreach (var chunk in Generator.StreamAsync(prompt, cancellationToken: StopToken).ToBlockingEnumerable(StopToken))
            {
                string text = held + chunk.Text;
                held = text.EndsWith('\r') ? "\r" : "";
                Host.UI.Write(VisibleText.Block(text[..^held.Length]));
            }

            Host.UI.Write(VisibleText.Block(held));
        }
        finally
        {
            Host.UI.WriteLine();
        }
    }
}
