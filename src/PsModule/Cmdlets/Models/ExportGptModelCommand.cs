using System.Diagnostics;
using System.Management.Automation;
using MLNet.Gpt.Formats;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Saves a model in a format of choice: <c>Export-GptModel</c>.</summary>
[Cmdlet(VerbsData.Export, "GptModel", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(FileInfo), typeof(DirectoryInfo))]
public sealed class ExportGptModelCommand : OutputFileCommand
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    /// <summary>
    /// A model from the pipeline, saved in place of -Model: a default of that parameter would keep the pipeline's out.
    /// </summary>
    [Parameter(ValueFromPipeline = true)]
    [ModelArgument]
    public LanguageModel? InputObject { get; set; }

    /// <summary>The model to save.</summary>
    [Parameter(Position = 1, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ParameterSetName = LiteralPathSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public LanguageModel? Model { get; set; }

    /// <summary>The file or folder to make.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet)]
    public string Path { get; set; } = "";

    /// <summary>The same; wildcard characters are part of the name, as they are in -Path.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath")]
    public string LiteralPath { get; set; } = "";

    /// <summary>What is written; by default what the path's extension says.</summary>
    [Parameter]
    public ExportFormat? Format { get; set; }

    /// <summary>How the weights are stored.</summary>
    [Parameter]
    [ValidateSet(
        nameof(TensorDataType.Float32), nameof(TensorDataType.Float16), nameof(TensorDataType.BFloat16), nameof(TensorDataType.Q8_0),
        nameof(TensorDataType.Q4_0))]
    public TensorDataType DataType { get; set; } = TensorDataType.Float32;

    /// <summary>
    /// Writes weights beyond the range of the data type as its largest number, instead of refusing the model.
    /// </summary>
    [Parameter]
    public SwitchParameter ClampToRange { get; set; }

    /// <summary>Bytes of tensors in one file of a Hugging Face folder.</summary>
    [Parameter]
    [ValidateRange(1, long.MaxValue)]
    public long? ShardSize { get; set; }

    /// <summary>Writes an ONNX graph of ids to logits, without keys and values of earlier tokens.</summary>
    [Parameter]
    public SwitchParameter NoCache { get; set; }

    /// <summary>Writes no tokenizer.</summary>
    [Parameter]
    public SwitchParameter NoTokenizer { get; set; }

    private string Target => ParameterSetName == LiteralPathSet ? LiteralPath : Path;

    /// <inheritdoc/>
    protected override void ProcessRecord() => Attempt(
        () =>
        {
            var model = RequireAny(InputObject ?? Model);
            string file = ResolveOutput(Target);
            var format = Format ?? FormatOf(file);
            if (model.Classifier is not null && format != ExportFormat.HuggingFace)
            {
                Terminate(
                    new ArgumentException($"'{model.Name}' is a classifier, which is saved in the format {ExportFormat.HuggingFace} only."),
                    "FormatNotSupported", ErrorCategory.InvalidArgument, format);
            }

            if (model.Classifier is not null && NoTokenizer)
            {
                RefuseParameter(
                    nameof(NoTokenizer), $"-{nameof(NoTokenizer)} has no effect on a classifier, which is saved with its tokenizer.");
            }

            if (NoCache && format != ExportFormat.Onnx) RefuseIn(format, nameof(NoCache), ExportFormat.Onnx);
            if (ShardSize is not null && format != ExportFormat.HuggingFace) RefuseIn(format, nameof(ShardSize), ExportFormat.HuggingFace);
            if (NoTokenizer && format == ExportFormat.PyTorch)
            {
                RefuseParameter(
                    nameof(NoTokenizer), $"-{nameof(NoTokenizer)} has no effect in the format {format}, which never has a tokenizer.");
            }

            if (ClampToRange && DataType == TensorDataType.Float32)
            {
                RefuseParameter(nameof(ClampToRange), $"-{nameof(ClampToRange)} has no effect with -{nameof(DataType)} {DataType}.");
            }

            var options = new ExportOptions
            {
                Format = format, DataType = DataType, ClampsToRange = ClampToRange, IncludeKeyValueCache = !NoCache,
            };
            if (ShardSize is { } size) options = options with { ShardSize = size };
            WriteFile(file, $"Save the model {model.Name}", () => Export(model, file, options));
        },
        (object?)(InputObject ?? Model) ?? Target);

    private ExportFormat FormatOf(string file)
    {
        var format = GptModelExporter.FormatOf(file);
        string extension = System.IO.Path.GetExtension(file);
        bool isFolder = System.IO.Path.EndsInDirectorySeparator(Target) || Directory.Exists(file);
        if (format == ExportFormat.HuggingFace && extension.Length > 0 && !isFolder)
        {
            Terminate(
                new ArgumentException(
                    $"The extension '{extension}' belongs to no format; .safetensors, .pth, .pt, .gguf and .onnx do. "
                    + $"For a folder of that name add -{nameof(Format)} {ExportFormat.HuggingFace}."),
                "UnknownExtension",
                ErrorCategory.InvalidArgument,
                Target);
        }

        return format;
    }

    private void RefuseIn(ExportFormat format, string parameter, ExportFormat needed) =>
        RefuseParameter(parameter, $"-{parameter} has no effect in the format {format}, only in {needed}.");

    private void Export(LanguageModel model, string file, ExportOptions options)
    {
        var clock = Stopwatch.StartNew();
        var reporter = new ExportReporter(this, model.Name);
        try
        {
            if (model.Classifier is { } classifier) classifier.Save(file, options, reporter, StopToken);
            else GptModelExporter.Export(file, model.Engine, NoTokenizer ? null : model.Tokenizer, options, reporter, StopToken);
            string seconds = FormattableString.Invariant($"{clock.Elapsed.TotalSeconds:F2} s");
            WriteVerbose($"Saved '{model.Name}' as '{file}' ({options.Format}, {options.DataType}) in {seconds}.");
        }
        finally
        {
            if (!Stopping) reporter.Complete();
        }
    }
}
