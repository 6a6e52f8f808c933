using System.Management.Automation;
using MLNet.Gpt;
using MLNet.Gpt.Configuration;
using MLNetGpt.Arguments;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>One training by a cmdlet: from checked settings and data to the model in the pipeline.</summary>
internal sealed class TrainingRun
{
    /// <summary>The cmdlet that trains.</summary>
    public required Cmdlet Command { get; init; }

    /// <summary>The name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>The initial weights.</summary>
    public required IWeightSource Weights { get; init; }

    /// <summary>The model's tokenizer.</summary>
    public required ITextTokenizer Tokenizer { get; init; }

    /// <summary>How the trained model is held in memory.</summary>
    public required GptModelOptions ModelOptions { get; init; }

    /// <summary>The settings.</summary>
    public required TrainingOptions Options { get; init; }

    /// <summary>What is learned from and measured on; <see langword="null"/> for a classifier.</summary>
    public TrainingData? Data { get; init; }

    /// <summary>Trains a classifier; <see langword="null"/> for a model that predicts tokens.</summary>
    public Func<IProgress<TrainingProgress>, CancellationToken, GptClassifier>? Classify { get; init; }

    /// <summary>What is learned from, in the singular.</summary>
    public string Unit { get; init; } = "window";

    /// <summary>The evaluations of trainings before this one.</summary>
    public IReadOnlyList<TrainingEvaluation> EarlierHistory { get; init; } = [];

    /// <summary>The samples of trainings before this one.</summary>
    public IReadOnlyList<string> EarlierSamples { get; init; } = [];

    /// <summary>The adapters that the model has already.</summary>
    public IReadOnlyList<LoraAdapter> EarlierAdapters { get; init; } = [];

    /// <summary>The file or folder that the trained adapter is saved to.</summary>
    public string? AdapterPath { get; init; }

    /// <summary>The name of the base model in the adapter's file.</summary>
    public string? BaseModel { get; init; }

    /// <summary>The file of the history.</summary>
    public HistoryFile? History { get; init; }

    /// <summary>Called when training begins: folders exist, and a checkpoint is restored.</summary>
    public Action? Begun { get; init; }

    /// <summary>
    /// Trains, and writes the model. What goes wrong after the first step is an error beside the model, which is the
    /// error's target, too.
    /// </summary>
    public void Execute(CancellationToken cancellationToken)
    {
        var reporter = new TrainingReporter(Command, Name, Begun);
        if (Data is null)
        {
            var classifier = Classify!(reporter, cancellationToken);
            reporter.Complete();
            Write(classifier.Model, classifier, classifier.History!, failure: null, id: null);
            return;
        }

        int learned = Data.TrainingCount, measured = Data.ValidationCount;
        string windows = Quantity.Of(learned, Unit, "N0");
        Command.WriteVerbose(FormattableString.Invariant($"{windows} to learn from and {measured:N0} to measure on"));
        var (trained, failure, id) = Train(Data, reporter, cancellationToken);
        reporter.Complete();
        var adapter = trained.Adapter;
        var engine = adapter is not null && Weights is GptModel given
            ? given.WithAdapter(adapter)
            : GptModel.FromWeights(trained.Weights, Tokenizer, ModelOptions, cancellationToken: cancellationToken);
        Write(engine, classifier: null, trained.History, failure, id, adapter);
        if (AdapterPath is null) return;
        try
        {
            adapter!.Save(AdapterPath, BaseModel, cancellationToken);
        }
        catch (Exception unsaved) when (unsaved is IOException or UnauthorizedAccessException or ArgumentException)
        {
            Command.WriteError(new ErrorRecord(unsaved, "AdapterFailed", ErrorCategory.WriteError, AdapterPath));
        }
    }

    private void Write(
        GptModel engine, GptClassifier? classifier, TrainingHistory history, Exception? failure, string? id, LoraAdapter? adapter = null)
    {
        var unwritten = History?.Write(history);
        var model = new LanguageModel(
            Name, "Trained", Options.Checkpoints?.Folder, engine, classifier)
        {
            Adapter = adapter is null ? [] : [.. EarlierAdapters, adapter],
            TrainingHistory = [.. EarlierHistory, .. history.Points.Select(TrainingEvaluation.Of)],
            TrainingSamples = [.. EarlierSamples, .. history.Samples.Select(sample => sample.Text)],
            TrainingEnding = history.Ending,
        };
        if (Options.Sample is not null && history.Samples.Count == 0)
        {
            Command.WriteWarning("No sample was written: one follows each whole epoch, and training ended in the first.");
        }

        Command.WriteObject(model);
        if (failure is not null) Command.WriteError(new ErrorRecord(failure, id, ErrorCategory.InvalidResult, model));
        if (unwritten is not null)
        {
            Command.WriteError(new ErrorRecord(unwritten.Exception, "HistoryFailed", ErrorCategory.WriteError, model));
        }
    }

    /// <summary>Does the work of a cmdlet that trains; an error of the library ends the cmdlet, with a stable id.</summary>
    /// <param name="command">The cmdlet.</param>
    /// <param name="names">The parameters of the library's settings.</param>
    /// <param name="target">The file or folder at work.</param>
    /// <param name="work">The work.</param>
    public static void Guard(PSCmdlet command, ParameterNames names, string? target, Action work)
    {
        try
        {
            work();
        }
        catch (OperationCanceledException) when (command.Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (Exception error) when (error is not (RuntimeException or PipelineStoppedException) && RecordOf(error) is { } record)
        {
            command.ThrowTerminatingError(record);
        }

        ErrorRecord? RecordOf(Exception error) => error switch
        {
            TrainingDivergedException => new(error, "TrainingDiverged", ErrorCategory.InvalidResult, null),
            CheckpointException => new(error, "CheckpointFailed", ErrorCategory.WriteError, target),
            PlatformNotSupportedException => new(error, "LibTorchUnavailable", ErrorCategory.ResourceUnavailable, null),
            NotSupportedException => new(error, "TrainingRefused", ErrorCategory.NotImplemented, null),
            InvalidDataException => new(error, "ModelFileInvalid", ErrorCategory.InvalidData, target),
            ArgumentException refused => new(names.Restate(refused), "TrainingRefused", ErrorCategory.InvalidArgument, refused.ParamName),
            ObjectDisposedException => new(GptCommand.Disposed("The model"), "ModelDisposed", ErrorCategory.InvalidOperation, null),
            FileNotFoundException => new(error, "PathNotFound", ErrorCategory.ObjectNotFound, target),
            IOException or UnauthorizedAccessException => new(error, "WriteFailed", ErrorCategory.WriteError, target),
            _ => null,
        };
    }

    private (TrainingResult Trained, Exception? Failure, string? Id) Train(
        TrainingData data, TrainingReporter reporter, CancellationToken cancellationToken)
    {
        try
        {
            return (Weights.Train(data, Options, reporter, cancellationToken), null, null);
        }
        catch (TrainingDivergedException diverged) when (diverged.Result is not null)
        {
            return (diverged.Result, diverged, "TrainingDiverged");
        }
        catch (CheckpointException unsaved) when (unsaved.Result is not null)
        {
            return (unsaved.Result, unsaved, "CheckpointFailed");
        }
    }
}
