using System.Management.Automation;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Tells what a model is made of: <c>Get-GptModelInfo</c>.</summary>
[Cmdlet(VerbsCommon.Get, "GptModelInfo", DefaultParameterSetName = ModelSet)]
[OutputType(typeof(GptModelInfo))]
public sealed class GetGptModelInfoCommand : GptCommand
{
    private const string ModelSet = "Model";

    /// <summary>Loaded models.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ModelSet)]
    public LanguageModel[] Model { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var model in Model)
        {
            WriteObject(new GptModelInfo(model.Name, model.Format, model.Source, model.Config, (double)model.WeightBytes / model.ParameterCount));
        }
    }
}
