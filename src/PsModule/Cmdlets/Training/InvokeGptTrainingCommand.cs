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

    private readonly List<int> _tokens = [];
    private readonly List<string> _texts = []; // for a job, and for the engine PyTorchExact, which splits texts instead of tokens

    private TrainingOptions _options = null!;
    private string? _tokenFile, _checkpoints, _history;

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = TextSet)]
    [Parameter(Position = 0, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ParameterSetName = LiteralPathSet)]
    [Parameter(Position = 0, ParameterSetName = TokenFileSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <summary>A file of token ids, for data larger than memory.</summary>
    [Parameter(Mandatory = true, ParameterSetName = TokenFileSet)]
    public string? TokenFile { get; set; }

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
        if (_history is not null && new HistoryFile(_history).FindFault(Force, Resume) is { } fault) ThrowTerminatingError(fault);
        CheckCheckpoints();
        TrainingRun.Guard(this, Names, _checkpoints, () => _options = Options(Model.Tokenizer, _checkpoints).Validated(Model.Config));
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
            if (_tokenFile is null && _tokens.Count + _texts.Count == 0)
            {
                throw new ArgumentException(
                    "There is no text to learn from: nothing came in by -Text, -Path, -LiteralPath or the pipeline.");
            }

            if (AsJob) StartJob();
            else Train();
        });

    private protected override void CheckParameters()
    {
        base.CheckParameters();
        if (Force && CheckpointPath is null && HistoryPath is null)
        {
            RefuseParameter(nameof(Force), "-Force has no effect without -CheckpointPath or -HistoryPath.");
        }
    }

    private void StartJob()
    {
        if (!ShouldProcess(Model.Name, "Train in the background")) return;
        WriteObject(GptJob.Start(this, new Dictionary<string, object?>
        {
            [nameof(Text)] = _tokenFile is null ? _texts.ToArray() : null,
            [nameof(Path)] = null,
            [nameof(LiteralPath)] = null,
            [nameof(Encoding)] = null,
            [nameof(TokenFile)] = _tokenFile,
            [nameof(Model)] = Model,
            [nameof(CheckpointPath)] = _checkpoints,
            [nameof(HistoryPath)] = _history,
        }));
    }

    private void Train()
    {
        using var tokens = _tokenFile is null ? null : MLNet.Gpt.TokenFile.Open(_tokenFile);
        int[] ids = [.. _tokens];
        string text = string.Join(EndOfText, _texts);
        var (contextLength, vocabularySize) = (Model.Config.ContextLength, Model.Config.VocabularySize);
        var data = tokens is not null ? TrainingData.FromTokens(tokens, contextLength, vocabularySize, _options)
            : _texts.Count == 0 ? TrainingData.FromTokens(ids, contextLength, vocabularySize, _options)
            : TrainingData.FromText(text, Model.Tokenizer, contextLength, _options, StopToken);
        long count = tokens?.Count ?? ids.Length;
        if (!ShouldProcess(Model.Name, $"Train on {Quantity.Of(count, "token", "N0")}")) return;

        new TrainingRun
        {
            Command = this,
            Name = Model.Name,
            Weights = Model.Engine,
            Tokenizer = Model.Tokenizer,
            ModelOptions = Model.Engine.Options,
            Options = _options,
            Data = data,
            EarlierHistory = Model.TrainingHistory,
            EarlierSamples = Model.TrainingSamples,
            History = _history is null ? null : new HistoryFile(_history),
            Begun = _checkpoints is null ? null : () => Save(_checkpoints, ids, text),
        }.Execute(StopToken);
    }

    // For Resume-GptTraining.
    private void Save(string folder, int[] ids, string text)
    {
        if (_tokenFile is null && Engine == TrainingEngineName.PyTorchExact) File.WriteAllText(SavedRun.TextIn(folder), text);
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
        }.Write(folder);
    }

    private string EndOfText => Model.Tokenizer.EndOfTextId is { } id ? Model.Tokenizer.Decode([id]) : string.Empty;

    private string? FullPath(string? path) => path is null ? null : GetUnresolvedProviderPathFromPSPath(path);

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
