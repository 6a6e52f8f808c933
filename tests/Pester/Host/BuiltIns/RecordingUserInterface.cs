using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;

namespace MLNet.Gpt.PesterHost.BuiltIns;

/// <summary>Keeps what is written; asks nobody anything.</summary>
internal sealed class RecordingUserInterface : PSHostUserInterface
{
    private readonly StringBuilder _written = new();

    /// <summary>The screen of the host that runs a cmdlet.</summary>
    public static RecordingUserInterface Of(PSHost host) =>
        // The engine hands out a wrapper of the host; its private data is the one thing of ours that passes through.
        (RecordingUserInterface)host.PrivateData.BaseObject;

    public override PSHostRawUserInterface RawUI { get; } = new FixedRawUserInterface();

    /// <summary>Returns what was written since the last call.</summary>
    public string Take()
    {
        lock (_written)
        {
            string text = _written.ToString();
            _written.Clear();
            return text;
        }
    }

    public override void Write(string value)
    {
        lock (_written) _written.Append(value);
    }

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Write(value);

    public override void WriteLine(string value) => Write(value + Environment.NewLine);

    public override void WriteErrorLine(string value) => WriteLine(value);

    public override void WriteDebugLine(string message) { }

    public override void WriteVerboseLine(string message) { }

    public override void WriteWarningLine(string message) { }

    public override void WriteProgress(long sourceId, ProgressRecord record) { }

    public override string ReadLine() => throw Unattended();

    public override SecureString ReadLineAsSecureString() => throw Unattended();

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) =>
        throw Unattended();

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice) =>
        throw Unattended();

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        throw Unattended();

    public override PSCredential PromptForCredential(
        string caption,
        string message,
        string userName,
        string targetName,
        PSCredentialTypes allowedCredentialTypes,
        PSCredentialUIOptions options) => throw Unattended();

    private static NotSupportedException Unattended() => new("A test asked the user something; nobody is there to answer.");
}
