using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Text.RegularExpressions;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Reads prompts from the keyboard and continues each on the screen: <c>Enter-GptPrompt</c>.</summary>
[Cmdlet(VerbsCommon.Enter, "GptPrompt")]
[OutputType(typeof(void))]
public sealed partial class EnterGptPromptCommand : GenerationCommand
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
            Host.UI.Write(Visible(prompt));
            foreach (var chunk in Generator.StreamAsync(prompt, cancellationToken: StopToken).ToBlockingEnumerable(StopToken))
            {
                Host.UI.Write(Visible(chunk.Text));
            }
        }
        finally
        {
            Host.UI.WriteLine();
        }
    }

    // What a terminal would obey is shown by its number, as in the view of a GptGeneration.
    private static string Visible(string text) =>
        Control().Replace(text, match => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)match.Value[0]:x4}"));

    [GeneratedRegex(@"[\p{Cc}\u202A-\u202E\u2066-\u2069-[\n\r\t]]")]
    private static partial Regex Control();
}
