using System.Management.Automation;
using MLNet.Gpt;
using MLNet.Gpt.Configuration;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Jobs;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Trains a model on texts: <c>Invoke-GptTraining</c>.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "GptTraining", DefaultParameterSetName = TextSet, SupportsShouldProcess = true)]
[OutputType(typeof(LanguageModel), typeof(GptJob))]
public sealed class InvokeGptTrainingCommand : TrainingCommand
{
    private const string TokenFileSet = "TokenFile";
    private const string ResponseSet = "Response";
    private const string LabelSet = "Label";

    private readonly List<int> _tokens = [];
    private readonly List<PSObject> _rows = [];
    private readonly List<string> _texts = []; // for a job, and for the engine PyTorchExact, which splits texts instead of tokens

    private TrainingOptions _options = null!;
    private PromptTemplate? _template;
    private string? _tokenFile, _checkpoints, _history, _adapter;

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = TextSet)]
    [Parameter(Position = 0, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ParameterSetName = LiteralPathSet)]
    [Parameter(Position = 0, ParameterSetName = TokenFileSet)]
    [Parameter(Position = 0, ParameterSetName = ResponseSet)]
    [Parameter(Position = 0, ParameterSetName = LabelSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <summary>A file of token ids, for data larger than memory.</summary>
    [Parameter(Mandatory = true, ParameterSetName = TokenFileSet)]
    public string? TokenFile { get; set; }

    /// <summary>Rows: instructions and responses, or texts and labels.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ResponseSet)]
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = LabelSet)]
    [RowArgument]
    public PSObject[] InputObject { get; set; } = [];

    /// <summary>The property of a row that is the response to learn.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ResponseSet)]
    public string ResponseProperty { get; set; } = "";

    /// <summary>The property of a row that is the instruction; by default Instruction or Prompt.</summary>
    [Parameter(ParameterSetName = ResponseSet)]
    public string? PromptProperty { get; set; }

    /// <summary>The property of a row that the instruction is about; by default Input, which may be missing or empty.</summary>
    [Parameter(ParameterSetName = ResponseSet)]
    public string? InputProperty { get; set; }

    /// <summary>How instructions and responses are written: the name of a template, or a text with placeholders.</summary>
    [Parameter(ParameterSetName = ResponseSet)]
    [ArgumentCompleter(typeof(TemplateCompleter))]
    public string? Template { get; set; }

    /// <summary>The property of a row that is the label to predict.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LabelSet)]
    public string LabelProperty { get; set; } = "";

    /// <summary>The property of a row that is the text; by default Text.</summary>
    [Parameter(ParameterSetName = LabelSet)]
    public string? TextProperty { get; set; }

    /// <summary>The part of a classifier that is trained.</summary>
    [Parameter(ParameterSetName = LabelSet)]
    public TrainedPart TrainedPart { get; set; }

    /// <summary>The folder, or the .gguf file, that the trained adapter is saved to.</summary>
    [Parameter]
    public string? AdapterPath { get; set; }

    /// <summary>
    /// The file that the training history is written to: CSV if its name ends in <c>.csv</c>, else JSON.
    /// </summary>
    [Parameter]
    public string? HistoryPath { get; set; }

    /// <summary>Trains in the background, and returns a job.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _checkpoints = FullPath(CheckpointPath);
        _history = FullPath(HistoryPath);
        _tokenFile = FullPath(TokenFile);
        _adapter = FullPath(AdapterPath);
        if (_history is not null && new HistoryFile(_history).FindFault(Force, Resume) is { } fault) ThrowTerminatingError(fault);
        CheckCheckpoints();
        CheckAdapter();
        TrainingRun.Guard(this, Names, _checkpoints, () =>
        {
            _options = Options(Model.Tokenizer, _checkpoints).Validated(Model.Config);
            if (ParameterSetName != ResponseSet) return;
            _template = Template is null ? PromptTemplate.Of(Model.Tokenizer) : PromptTemplate.Parse(Template);
        });
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName is ResponseSet or LabelSet) _rows.AddRange(InputObject);
        else base.ProcessRecord();
    }

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source)
    {
        if (AsJob || Engine == TrainingEngineName.PyTorchExact) _texts.Add(text);
        if (AsJob) return;
        if (_tokens.Count > 0 && Model.Tokenizer.EndOfTextId is { } endOfText) _tokens.Add(endOfText);
        _tokens.AddRange(Encode(Model.Tokenizer, text));
    }

    /// <inheritdoc/>
    protected override void EndProcessing() => TrainingRun.Guard(
        this,
        Names,
        _tokenFile ?? _checkpoints,
        () =>
        {
            if (_tokenFile is null && _tokens.Count + _texts.Count + _rows.Count == 0)
            {
                throw new ArgumentException(
                    IsOfRows
                        ? "There are no rows to learn from: nothing came in by -InputObject or the pipeline."
                        : "There is no text to learn from: nothing came in by -Text, -Path, -LiteralPath or the pipeline.");
            }

            if (AsJob) StartJob();
            else Train();
        });

    // Those of the book's chapters 6 and 7.
    private protected override TrainingOptions Defaults => ParameterSetName switch
    {
        LabelSet => new GptClassifierOptions().Training with { ValidationFraction = base.Defaults.ValidationFraction },
        ResponseSet => base.Defaults with { Epochs = 2, BatchSize = 8, LearningRate = 5e-5 },
        _ => base.Defaults,
    };

    private bool IsOfRows => ParameterSetName is ResponseSet or LabelSet;

    private protected override void CheckParameters()
    {
        base.CheckParameters();
        if (IsOfRows)
        {
            if (Stride is not null) RefuseParameter(nameof(Stride), "-Stride has no effect on rows, which are not divided.");
            const string window = "-WindowLength has no effect on rows, which are not divided.";
            if (WindowLength is not null) RefuseParameter(nameof(WindowLength), window);
        }

        bool choosesPart = MyInvocation.BoundParameters.ContainsKey(nameof(TrainedPart));
        if (choosesPart && LoraRank is not null) RefuseWith(nameof(TrainedPart), nameof(LoraRank));
        if (ParameterSetName == LabelSet && SamplePrompt is not null)
        {
            RefuseParameter(nameof(SamplePrompt), "-SamplePrompt has no effect with -LabelProperty: a classifier writes no text.");
        }

        if (Force && CheckpointPath is null && HistoryPath is null && AdapterPath is null)
        {
            RefuseParameter(nameof(Force), "-Force has no effect without -CheckpointPath, -HistoryPath or -AdapterPath.");
        }

        if (AdapterPath is not null && LoraRank is null) RefuseWithout(nameof(AdapterPath), nameof(LoraRank));
        if (AdapterPath is not null && ParameterSetName == LabelSet)
        {
            RefuseParameter(nameof(AdapterPath), "-AdapterPath has no effect with -LabelProperty: a classifier has its adapters merged.");
        }
    }

    private void StartJob()
    {
        if (!ShouldProcess(Model.Name, "Train in the background")) return;
        WriteObject(GptJob.Start(this, new Dictionary<string, object?>
        {
            [nameof(Text)] = _tokenFile is null && !IsOfRows ? _texts.ToArray() : null,
            [nameof(InputObject)] = IsOfRows ? _rows.ToArray() : null,
            [nameof(Path)] = null,
            [nameof(LiteralPath)] = null,
            [nameof(Encoding)] = null,
            [nameof(TokenFile)] = _tokenFile,
            [nameof(Model)] = Model,
            [nameof(CheckpointPath)] = _checkpoints,
            [nameof(HistoryPath)] = _history,
            [nameof(AdapterPath)] = _adapter,
        }));
    }

    private void Train()
    {
        if (ParameterSetName == LabelSet)
        {
            TrainClassifier();
            return;
        }

        InstructionExample[] examples = [.. _rows.Select((row, i) =>
            RowReader.Instruction(row, i, PromptProperty, InputProperty, ResponseProperty))];
        using var tokens = _tokenFile is null ? null : MLNet.Gpt.TokenFile.Open(_tokenFile);
        int[] ids = [.. _tokens];
        string text = string.Join(EndOfText, _texts);
        var (contextLength, vocabularySize) = (Model.Config.ContextLength, Model.Config.VocabularySize);
        var data = _template is not null
            ? TrainingData.FromInstructions(
                examples, null, Model.Tokenizer, Model.Config, _options, new() { Template = _template }, StopToken)
            : tokens is not null ? TrainingData.FromTokens(tokens, contextLength, vocabularySize, _options)
            : _texts.Count == 0 ? TrainingData.FromTokens(ids, contextLength, vocabularySize, _options)
            : TrainingData.FromText(text, Model.Tokenizer, contextLength, _options, StopToken);
        long count = tokens?.Count ?? ids.Length;
        string size = _template is null ? Quantity.Of(count, "token", "N0") : Quantity.Of(examples.Length, "response", "N0");
        if (!ShouldProcess(Model.Name, $"Train on {size}")) return;

        new TrainingRun
        {
            Command = this,
            Name = Model.Name,
            Weights = Model.Engine,
            Tokenizer = Model.Tokenizer,
            ModelOptions = Model.Engine.Options,
            Options = _options,
            Data = data,
            Unit = _template is null ? "window" : "response",
            EarlierAdapters = Model.Adapter,
            AdapterPath = _adapter,
            BaseModel = Model.Source ?? Model.Name,
            EarlierHistory = Model.TrainingHistory,
            EarlierSamples = Model.TrainingSamples,
            History = _history is null ? null : new HistoryFile(_history),
            Begun = _checkpoints is null || LoraRank is not null ? null : () => Save(_checkpoints, ids, text, examples),
        }.Execute(StopToken);
    }

    private void TrainClassifier()
    {
        LabeledText[] rows = [.. _rows.Select((row, i) => RowReader.Labeled(row, i, TextProperty, LabelProperty))];
        if (!ShouldProcess(Model.Name, $"Train on {Quantity.Of(rows.Length, "row", "N0")}")) return;
        var options = new GptClassifierOptions { TrainedPart = TrainedPart, Training = _options };
        new TrainingRun
        {
            Command = this,
            Name = Model.Name,
            Weights = Model.Engine,
            Tokenizer = Model.Tokenizer,
            ModelOptions = Model.Engine.Options,
            Options = _options,
            Classify = (progress, cancellationToken) =>
                GptClassifier.Train(Model.Engine, rows, options, validation: null, progress, cancellationToken),
            History = _history is null ? null : new HistoryFile(_history),
        }.Execute(StopToken);
    }

    // For Resume-GptTraining.
    private void Save(string folder, int[] ids, string text, InstructionExample[] examples)
    {
        if (_template is not null) SavedRun.WriteInstructions(folder, examples);
        else if (_tokenFile is null && Engine == TrainingEngineName.PyTorchExact) File.WriteAllText(SavedRun.TextIn(folder), text);
        else if (_tokenFile is null) TokenFileBuilder.FromTokens(SavedRun.TokensIn(folder), ids, Model.Config.VocabularySize);
        new SavedRun
        {
            Name = Model.Name,
            Precision = Model.Precision,
            Engine = Engine,
            Options = _options,
            SamplePrompt = SamplePrompt,
            SampleToken = SampleToken,
            CheckpointInterval = CheckpointInterval,
            CheckpointCount = CheckpointCount,
            TokenFile = _tokenFile,
            Template = _template?.Text,
        }.Write(folder);
    }

    private string EndOfText => Model.Tokenizer.EndOfTextId is { } id ? Model.Tokenizer.Decode([id]) : string.Empty;

    private string? FullPath(string? path) => path is null ? null : GetUnresolvedProviderPathFromPSPath(path);

    private void CheckAdapter()
    {
        if (_adapter is null) return;
        CheckParentFolder(_adapter, AdapterPath);
        bool isTaken = File.Exists(_adapter) || (Directory.Exists(_adapter) && Directory.EnumerateFileSystemEntries(_adapter).Any());
        if (Force || !isTaken) return;
        Terminate(
            new IOException($"'{_adapter}' already exists; use -Force to replace it."), "FileExists", ErrorCategory.ResourceExists,
            _adapter);
    }

    private void CheckCheckpoints()
    {
        if (_checkpoints is null) return;
        CheckParentFolder(_checkpoints, CheckpointPath);
        bool isFile = File.Exists(_checkpoints);
        if (!isFile && (Resume || Force || new CheckpointOptions(_checkpoints).FindLatestStep() is null)) return;
        Terminate(
            new IOException(isFile
                ? $"'{_checkpoints}' is a file; checkpoints need a folder."
                : $"'{_checkpoints}' has checkpoints; use -Resume to resume from the latest, or -Force to remove them."),
            "FileExists",
            ErrorCategory.ResourceExists,
            _checkpoints);
    }
}
