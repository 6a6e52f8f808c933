using System.Management.Automation;
using MLNet.Gpt.Checkpoints;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Tells what a model is made of: <c>Get-GptModelInfo</c>.</summary>
[Cmdlet(VerbsCommon.Get, "GptModelInfo", DefaultParameterSetName = PathSet)]
[OutputType(typeof(GptModelInfo))]
public sealed class GetGptModelInfoCommand : ModelFileCommand
{
    private const string ModelSet = "Model";

    /// <summary>Models in memory.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ModelSet)]
    public LanguageModel[] Model { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName != ModelSet)
        {
            ForEachFile((file, checkpoint) => WriteObject(new GptModelInfo(
                System.IO.Path.GetFileNameWithoutExtension(file), FormatOf(checkpoint), file, checkpoint.Config, BytesOf(checkpoint.DataType))));
            return;
        }

        foreach (var model in Model)
        {
            WriteObject(new GptModelInfo(model.Name, model.Format, model.Source, model.Config, (double)model.WeightBytes / model.ParameterCount));
        }
    }

    private static int BytesOf(SafetensorsDataType type) => type == SafetensorsDataType.Float32 ? 4 : 2;
}
