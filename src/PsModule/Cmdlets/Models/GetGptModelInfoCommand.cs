using System.Management.Automation;
using MLNetGpt.Arguments;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Tells what a model is made of: <c>Get-GptModelInfo</c>.</summary>
[Cmdlet(VerbsCommon.Get, "GptModelInfo", DefaultParameterSetName = PathSet)]
[OutputType(typeof(GptModelInfo))]
public sealed class GetGptModelInfoCommand : ModelFileCommand
{
    private const string ModelSet = "Model";

    /// <summary>Models in memory.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ModelSet)]
    [LiveModel]
    public LanguageModel[] InputObject { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName != ModelSet)
        {
            ForEachFile(
                file => WriteObject(new GptModelInfo(ModelLoading.NameOf(file), file.Describe())),
                path =>
                {
                    using var model = ModelLoading.LoadClassifier(this, path, new(), tokenizer: null, StopToken);
                    WriteObject(new GptModelInfo(model));
                });
            return;
        }

        foreach (var model in InputObject) WriteObject(new GptModelInfo(RequireAny(model)));
    }
}
