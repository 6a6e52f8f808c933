using System.Management.Automation;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Returns the model that cmdlets use by default: <c>Get-GptModel</c>.</summary>
[Cmdlet(VerbsCommon.Get, "GptModel")]
[OutputType(typeof(LanguageModel))]
public sealed class GetGptModelCommand : GptCommand
{
    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (SessionModels.Default is { } model) WriteObject(model);
    }
}
