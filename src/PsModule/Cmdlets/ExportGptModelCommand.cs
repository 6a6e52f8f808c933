using System.Management.Automation;
using MLNet.Gpt.Checkpoints;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Saves a model: <c>Export-GptModel</c>.</summary>
[Cmdlet(VerbsData.Export, "GptModel", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportGptModelCommand : OutputFileCommand
{
    /// <summary>The model to save.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    public LanguageModel Model { get; set; } = null!;

    /// <summary>The file to make.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    public string Path { get; set; } = "";

    /// <summary>How the weights are stored.</summary>
    [Parameter]
    [ValidateSet(nameof(SafetensorsDataType.Float32), nameof(SafetensorsDataType.Float16), nameof(SafetensorsDataType.BFloat16))]
    public SafetensorsDataType DataType { get; set; } = SafetensorsDataType.Float32;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        string file = ResolveOutput(Path);
        WriteFile(file, $"Save the model {Model.Name}", () => GptCheckpoint.Save(file, Model.Engine, Model.Tokenizer, DataType, StopToken));
    }
}
