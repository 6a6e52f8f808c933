using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Trains a model on texts: <c>Invoke-GptTraining</c>.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "GptTraining", DefaultParameterSetName = TextSet, SupportsShouldProcess = true)]
[OutputType(typeof(TrainingEvaluation), typeof(LanguageModel))]
public sealed class InvokeGptTrainingCommand : TrainingCommand
{
    private const string TokenFileSet = "TokenFile";

    private readonly List<int> _tokens = [];
    private readonly List<string> _texts = []; // for the engine PyTorchExact, which splits texts instead of tokens

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

    /// <summary>Writes only the trained model.</summary>
    [Parameter]
    public SwitchParameter ModelOnly { get; set; }

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source)
    {
        if (Engine == TrainingEngineName.PyTorchExact) _texts.Add(text);
        if (_tokens.Count > 0 && Model.Tokenizer.EndOfTextId is { } endOfText) _tokens.Add(endOfText);
        _tokens.AddRange(Model.Tokenizer.Encode(text));
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        string? checkpoints = FullPath(CheckpointPath), history = FullPath(HistoryPath);
        string? tokenFile = TokenFile is null ? null : GetUnresolvedProviderPathFromPSPath(TokenFile);
        try
        {
            using var tokens = tokenFile is null ? null : MLNet.Gpt.TokenFile.Open(tokenFile);
            long count = tokens?.Count ?? _tokens.Count;
            if (count == 0) throw new ArgumentException("There is no text to learn from.");
            CheckCheckpoints(checkpoints);
            if (ShouldProcess(Model.Name, FormattableString.Invariant($"Train on {count:N0} tokens"))) Train(tokens, checkpoints, history);
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (TrainingDivergedException diverged)
        {
            Terminate(diverged, "TrainingDiverged", ErrorCategory.InvalidResult, Model);
        }
        catch (PlatformNotSupportedException unavailable)
        {
            Terminate(unavailable, "LibTorchUnavailable", ErrorCategory.ResourceUnavailable, null);
        }
        catch (InvalidDataException damaged)
        {
            Terminate(damaged, "ModelFileInvalid", ErrorCategory.InvalidData, checkpoints);
        }
        catch (ArgumentException refused)
        {
            Terminate(refused, "TrainingRefused", ErrorCategory.InvalidArgument, refused.ParamName);
        }
        catch (FileNotFoundException missing)
        {
            Terminate(missing, "PathNotFound", ErrorCategory.ObjectNotFound, tokenFile);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            Terminate(failed, "WriteFailed", ErrorCategory.WriteError, checkpoints);
        }
    }

    private void Train(TokenFile? tokens, string? checkpoints, string? historyFile)
    {
        var options = Options(Model.Tokenizer, checkpoints);
        var (contextLength, vocabularySize) = (Model.Config.ContextLength, Model.Config.VocabularySize);
        var data = tokens is not null ? TrainingData.FromTokens(tokens, contextLength, vocabularySize, options)
            : _texts.Count == 0 ? TrainingData.FromTokens(_tokens.ToArray(), contextLength, vocabularySize, options)
            : TrainingData.FromText(string.Join(EndOfText, _texts), Model.Tokenizer, contextLength, options);

        var progress = new TrainingReporter(this, Model.Name, writesEvaluations: !ModelOnly);
        var trained = Model.Engine.Train(data, options, progress, StopToken);
        var (weights, history) = (trained.Weights, trained.History);
        progress.Complete();

        if (historyFile is not null)
        {
            bool isTable = historyFile.EndsWith(".csv", StringComparison.OrdinalIgnoreCase);
            File.WriteAllText(historyFile, isTable ? history.ToCsv() : history.ToJson());
        }

        var model = GptModel.FromWeights(weights, Model.Tokenizer, Model.Engine.Options);
        WriteObject(new LanguageModel(Model.Name, "Trained", checkpoints, model)
        {
            TrainingHistory = [.. Model.TrainingHistory, .. history.Points.Select(TrainingEvaluation.Of)],
            TrainingSamples = [.. Model.TrainingSamples, .. history.Samples.Select(sample => sample.Text)],
            TrainingEnding = history.Ending,
        });
    }

    private string EndOfText => Model.Tokenizer.EndOfTextId is { } id ? Model.Tokenizer.Decode([id]) : string.Empty;

    private string? FullPath(string? path)
    {
        if (path is null) return null;
        string full = GetUnresolvedProviderPathFromPSPath(path);
        if (!Directory.Exists(System.IO.Path.GetDirectoryName(full)))
        {
            Terminate(
                new DirectoryNotFoundException($"The folder of '{full}' does not exist."),
                "FolderNotFound",
                ErrorCategory.ObjectNotFound,
                path);
        }

        return full;
    }

    private void CheckCheckpoints(string? folder)
    {
        if (folder is null || Resume || Force) return;
        bool isFile = File.Exists(folder);
        if (!isFile && new CheckpointOptions(folder).FindLatestStep() is null) return;
        Terminate(
            new IOException(isFile
                ? $"'{folder}' is a file; checkpoints need a folder."
                : $"'{folder}' has checkpoints; use -Resume to resume from the latest, or -Force to remove them."),
            "FileExists",
            ErrorCategory.ResourceExists,
            folder);
    }
}
