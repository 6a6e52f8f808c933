using System.Management.Automation;
using MLNet.Gpt.Inference;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Loads models from files and folders: <c>Import-GptModel</c>.</summary>
[Cmdlet(VerbsData.Import, "GptModel", DefaultParameterSetName = PathSet)]
[OutputType(typeof(LanguageModel))]
public sealed class ImportGptModelCommand : ModelFileCommand
{
    /// <summary>How the matrices are held in memory.</summary>
    [Parameter]
    public WeightPrecision Precision { get; set; } = WeightPrecision.Float32;

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachFile(file =>
        WriteObject(new LanguageModel(NameOf(file), FormatOf(file), file.Path, GptModel.FromFile(file, new() { Precision = Precision }))));
}
