using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Jobs;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Resumes a training from its checkpoints, with the settings that it had: <c>Resume-GptTraining</c>.</summary>
[Cmdlet(VerbsLifecycle.Resume, "GptTraining", SupportsShouldProcess = true)]
[OutputType(typeof(LanguageModel), typeof(GptJob))]
public sealed class ResumeGptTrainingCommand : GptCommand
{
    private static readonly ParameterNames Names = new(
        typeof(TrainingOptions), (nameof(TrainingOptions.Epochs), nameof(Epoch)), (nameof(TrainingOptions.MaxSteps), nameof(MaxStep)));

    /// <summary>The folder of the checkpoints.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName", "Path", "LiteralPath")]
    public string CheckpointPath { get; set; } = "";

    /// <summary>Passes over the text.</summary>
    [Parameter]
    [Alias("Epochs", "num_train_epochs")]
    public int? Epoch { get; set; }

    /// <summary>The step after which training ends, counted from its beginning.</summary>
    [Parameter]
    [Alias("MaxSteps", "max_steps")]
    public int? MaxStep { get; set; }

    /// <summary>Time after which training ends, counted from now.</summary>
    [Parameter]
    [DurationArgument]
    public TimeSpan? MaxDuration { get; set; }

    /// <summary>The step size after warm-up.</summary>
    [Parameter]
    [Alias("learning_rate", "lr")]
    public double? LearningRate { get; set; }

    /// <summary>The learning rate of the last step.</summary>
    [Parameter]
    public double? FinalLearningRate { get; set; }

    /// <summary>The number of threads that compute.</summary>
    [Parameter]
    public int? ThreadCount { get; set; }

    /// <summary>The token file of the training, if it has moved.</summary>
    [Parameter]
    public string? TokenFile { get; set; }

    /// <summary>The file that the training history is written to.</summary>
    [Parameter]
    public string? HistoryPath { get; set; }

    /// <summary>Replaces the file of the history, whatever it is.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Trains in the background, and returns a job.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (Force && HistoryPath is null) RefuseWithout(nameof(Force), nameof(HistoryPath));
        string folder = GetUnresolvedProviderPathFromPSPath(CheckpointPath);
        string? history = HistoryPath is null ? null : GetUnresolvedProviderPathFromPSPath(HistoryPath);
        string? tokenFile = TokenFile is null ? null : GetUnresolvedProviderPathFromPSPath(TokenFile);
        if (history is not null && new HistoryFile(history).FindFault(Force, resume: true) is { } fault) ThrowTerminatingError(fault);
        TrainingRun.Guard(
            this,
            Names,
            folder,
            () =>
            {
                var saved = Change(SavedRun.Read(folder));
                if (TokenFile is not null && saved.TokenFile is null)
                {
                    RefuseParameter(nameof(TokenFile), $"-TokenFile has no effect: the tokens of this training are in '{folder}'.");
                }

                if (!AsJob) Train(folder, saved with { TokenFile = tokenFile ?? saved.TokenFile }, history);
                else if (ShouldProcess(folder, "Resume the training in the background"))
                {
                    WriteObject(GptJob.Start(this, new Dictionary<string, object?>
                    {
                        [nameof(CheckpointPath)] = folder, [nameof(HistoryPath)] = history, [nameof(TokenFile)] = tokenFile,
                    }));
                }
            });
    }

    private SavedRun Change(SavedRun saved)
    {
        var options = saved.Options;
        return saved with
        {
            Options = (options with
            {
                Epochs = Epoch ?? options.Epochs,
                MaxSteps = MaxStep ?? options.MaxSteps,
                MaxDuration = MaxDuration ?? options.MaxDuration,
                LearningRate = LearningRate ?? options.LearningRate,
                FinalLearningRate = FinalLearningRate ?? options.FinalLearningRate,
                ThreadCount = ThreadCount ?? options.ThreadCount,
            }).Validated(),
        };
    }

    private void Train(string folder, SavedRun saved, string? history)
    {
        using var model = OpenLatest(folder);
        var tokenizer = model.Tokenizer
            ?? throw new InvalidDataException($"'{folder}' has checkpoints without a tokenizer; Invoke-GptTraining did not write them.");
        var options = saved.Complete(folder, tokenizer);
        using var tokens = saved.OpenTokens(folder);
        int contextLength = model.Config.ContextLength;
        var data = tokens is not null
            ? TrainingData.FromTokens(tokens, contextLength, model.Config.VocabularySize, options)
            : saved.Template is { } template ? TrainingData.FromInstructions(
                InstructionFile.Read(SavedRun.InstructionsIn(folder), StopToken), null, tokenizer, model.Config, options,
                new() { Template = new(template) }, StopToken)
            : TrainingData.FromText(File.ReadAllText(SavedRun.TextIn(folder)), tokenizer, contextLength, options, StopToken);
        if (!ShouldProcess(folder, "Resume the training")) return;

        new TrainingRun
        {
            Command = this,
            Name = saved.Name,
            Weights = model,
            Tokenizer = tokenizer,
            ModelOptions = new() { Precision = saved.Precision, ThreadCount = options.ThreadCount },
            Options = options,
            Data = data,
            History = history is null ? null : new HistoryFile(history),
            Begun = () => saved.Write(folder),
        }.Execute(StopToken);
    }

    // Training itself finds out which checkpoint is whole; a model file that opens has the configuration of all of them.
    private static GptCheckpoint OpenLatest(string folder)
    {
        InvalidDataException? damage = null;
        foreach (string path in new CheckpointOptions(folder).FindModels())
        {
            try
            {
                return GptCheckpoint.Open(path);
            }
            catch (Exception damaged) when (damaged is InvalidDataException or IOException)
            {
                damage ??= new InvalidDataException(damaged.Message, damaged);
            }
        }

        throw damage ?? new InvalidDataException($"'{folder}' has no checkpoint to resume from.");
    }
}
