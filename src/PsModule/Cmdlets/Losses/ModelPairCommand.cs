using System.Management.Automation;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet that compares two models on all texts that it is given, or on their saved results.</summary>
public abstract class ModelPairCommand : ScoringCommand
{
    /// <summary>The parameter set of saved results.</summary>
    protected const string ResultSet = "Result";

    /// <summary>The model that the other is compared with.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = TextSet)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = LiteralPathSet)]
    [ModelArgument(nameof(ReferenceModel))]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public LanguageModel ReferenceModel { get; set; } = null!;

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = TextSet)]
    [Parameter(Position = 1, ParameterSetName = PathSet)]
    [Parameter(Position = 1, ParameterSetName = LiteralPathSet)]
    [ModelArgument(nameof(Model))]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <inheritdoc/>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = TextSet)]
    [TextArgument(nameof(Text))]
    [AllowEmptyString]
    public override string[] Text { get; set; } = [];

    /// <summary>The texts; of a file only the path, so that a corpus may be larger than memory.</summary>
    private protected List<(string? Text, string? Source)> Texts { get; } = [];

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source) => Texts.Add((source is null ? text : null, source));
}
