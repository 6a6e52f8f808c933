using System.Management.Automation;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Sets the model that cmdlets use by default: <c>Set-GptModel</c>.</summary>
[Cmdlet(VerbsCommon.Set, "GptModel", SupportsShouldProcess = true)]
[OutputType(typeof(LanguageModel))]
public sealed class SetGptModelCommand : GptCommand
{
    /// <summary>
    /// The model, or the path of its file or folder; <see langword="null"/> for none, which also forgets the models that
    /// were loaded by path.
    /// </summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ModelArgument]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    [AllowNull]
    public LanguageModel? Model { get; set; }

    /// <summary>Writes the model to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (!ShouldProcess(Model?.Name ?? "no model", "Use by default")) return;
        if (Model is null)
        {
            SessionModels.Clear();
            return;
        }

        SessionModels.Default = RequireAny(Model);
        if (PassThru) WriteObject(SessionModels.Default);
    }
}
