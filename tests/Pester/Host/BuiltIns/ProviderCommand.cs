using System.Management.Automation;

namespace MLNet.Gpt.PesterHost.BuiltIns;

/// <summary>A cmdlet over provider items: what a provider refuses is a non-terminating error, as it is of the originals.</summary>
public abstract class ProviderCommand : PSCmdlet
{
    protected abstract void Process();

    protected sealed override void ProcessRecord()
    {
        try
        {
            Process();
        }
        catch (Exception refused) when (refused is IContainsErrorRecord and not PipelineStoppedException)
        {
            WriteError(((IContainsErrorRecord)refused).ErrorRecord);
        }
    }
}
