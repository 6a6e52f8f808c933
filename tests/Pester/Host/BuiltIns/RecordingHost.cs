using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace MLNet.Gpt.PesterHost.BuiltIns;

/// <summary>A host without a screen: what is written to it is kept for Out-String, a prompt is an error.</summary>
internal sealed class RecordingHost : PSHost
{
    private readonly RecordingUserInterface _ui = new();

    public override string Name => "MLNet.Gpt.PesterHost";

    public override Version Version { get; } = new(1, 0);

    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override PSHostUserInterface UI => _ui;

    /// <summary>The recording itself, for Out-String.</summary>
    public override PSObject PrivateData => PSObject.AsPSObject(_ui);

    public override CultureInfo CurrentCulture => CultureInfo.InvariantCulture;

    public override CultureInfo CurrentUICulture { get; } = CultureInfo.GetCultureInfo("en-US");

    public override void EnterNestedPrompt() => throw new NotSupportedException("This host has no prompt.");

    public override void ExitNestedPrompt() => throw new NotSupportedException("This host has no prompt.");

    public override void NotifyBeginApplication() { }

    public override void NotifyEndApplication() { }

    public override void SetShouldExit(int exitCode) => throw new NotSupportedException($"A test file called exit {exitCode}.");
}
