using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Loads models from files and folders: <c>Import-GptModel</c>.</summary>
[Cmdlet(VerbsData.Import, "GptModel", DefaultParameterSetName = PathSet)]
[OutputType(typeof(LanguageModel))]
public sealed class ImportGptModelCommand : ModelFileCommand
{
    private ITextTokenizer? _tokenizer;

    /// <summary>How the matrices are held in memory.</summary>
    [Parameter]
    public WeightPrecision Precision { get; set; } = WeightPrecision.Float32;

    /// <summary>Threads that the model computes with; by default all processors.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? ThreadCount { get; set; }

    /// <summary>The folder or file of a tokenizer that is used in place of the one beside the weights.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? TokenizerPath { get; set; }

    /// <summary>Folders or files of adapters, which are attached in this order.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] AdapterPath { get; set; } = [];

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        FirstMeasurement.Prepare();
        if (TokenizerPath is not null) _tokenizer = ReadTokenizer(TokenizerPath);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachFile(
        file => WriteObject(ModelLoading.Load(this, file, Options, _tokenizer, StopToken, Adapters)),
        AdapterPath.Length > 0 ? null : path => WriteObject(ModelLoading.LoadClassifier(this, path, Options, _tokenizer, StopToken)));

    private string[] Adapters => [.. AdapterPath.Select(path => GetUnresolvedProviderPathFromPSPath(path))];

    private GptModelOptions Options => new() { Precision = Precision, ThreadCount = ThreadCount };
}
