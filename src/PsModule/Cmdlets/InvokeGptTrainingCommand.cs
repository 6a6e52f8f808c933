using System.Management.Automation;
using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Model;
using MLNet.Gpt.Runtime;
using MLNet.Gpt.Training;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Trains a model on texts: <c>Invoke-GptTraining</c>.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "GptTraining", DefaultParameterSetName = TextSet, SupportsShouldProcess = true)]
[OutputType(typeof(TrainingEvaluation), typeof(LanguageModel))]
public sealed class InvokeGptTrainingCommand : TextInputCommand
{
    private readonly List<int> _tokens = [];

    /// <summary>The model whose weights training begins with; it stays as it is.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public LanguageModel Model { get; set; } = null!;

    /// <summary>Rounds through the texts.</summary>
    [Parameter]
    public int? Epochs { get; set; }

    /// <summary>Steps after which training ends even amid an epoch.</summary>
    [Parameter]
    public int? MaxSteps { get; set; }

    /// <summary>Windows in a batch.</summary>
    [Parameter]
    public int? BatchSize { get; set; }

    /// <summary>Tokens between the beginnings of two windows.</summary>
    [Parameter]
    public int? Stride { get; set; }

    /// <summary>The share of the tokens, at their end, that is kept from training to measure on.</summary>
    [Parameter]
    public double? ValidationFraction { get; set; }

    /// <summary>The step size after warm-up.</summary>
    [Parameter]
    public double? LearningRate { get; set; }

    /// <summary>What the learning rate falls to by the last step.</summary>
    [Parameter]
    public double? FinalLearningRate { get; set; }

    /// <summary>Steps over which the learning rate rises.</summary>
    [Parameter]
    public int? WarmUpSteps { get; set; }

    /// <summary>AdamW's weight decay.</summary>
    [Parameter]
    public double? WeightDecay { get; set; }

    /// <summary>Steps between two evaluations.</summary>
    [Parameter]
    public int? EvaluationInterval { get; set; }

    /// <summary>Batches that an evaluation measures.</summary>
    [Parameter]
    public int? EvaluationBatches { get; set; }

    /// <summary>What the order of the windows and dropout are drawn from.</summary>
    [Parameter]
    public long? Seed { get; set; }

    /// <summary>The file that the model is saved to at every evaluation, and when training is stopped.</summary>
    [Parameter]
    public string? CheckpointPath { get; set; }

    /// <summary>Goes on from the weights in the checkpoint, if it is there.</summary>
    [Parameter]
    public SwitchParameter Resume { get; set; }

    /// <summary>Replaces a checkpoint that is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Writes only the trained model.</summary>
    [Parameter]
    public SwitchParameter ModelOnly { get; set; }

    /// <inheritdoc/>
    protected override void ProcessText(TextInput input)
    {
        if (_tokens.Count > 0 && Model.Tokenizer.EndOfTextId is { } endOfText) _tokens.Add(endOfText);
        _tokens.AddRange(Model.Tokenizer.Encode(input.Text));
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        string? checkpoint = CheckpointPath is null ? null : CheckedCheckpoint(GetUnresolvedProviderPathFromPSPath(CheckpointPath));
        if (!ShouldProcess(Model.Name, FormattableString.Invariant($"Train on {_tokens.Count:N0} tokens"))) return;
        try
        {
            Train(checkpoint);
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (TrainingDivergedException diverged)
        {
            Terminate(diverged, "TrainingDiverged", ErrorCategory.InvalidResult, Model);
        }
        catch (LibTorchUnavailableException unavailable)
        {
            Terminate(unavailable, "LibTorchUnavailable", ErrorCategory.ResourceUnavailable, null);
        }
        catch (InvalidDataException damaged)
        {
            Terminate(damaged, "ModelFileInvalid", ErrorCategory.InvalidData, checkpoint);
        }
        catch (ArgumentException refused)
        {
            Terminate(refused, "TrainingRefused", ErrorCategory.InvalidArgument, refused.ParamName);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            Terminate(failed, "WriteFailed", ErrorCategory.WriteError, checkpoint);
        }
    }

    private void Train(string? checkpoint)
    {
        var options = Options();
        var data = TrainingData.FromTokens(_tokens.ToArray(), Model.Config.ContextLength, Model.Config.VocabularySize, options);
        using var module = Begin(checkpoint);
        var progress = new TrainingReporter(this, Model.Name, writesEvaluations: !ModelOnly, evaluated: () => Save(module, checkpoint));
        try
        {
            module.Train(data, options, progress, StopToken);
        }
        finally
        {
            // Also where it was stopped: the network has the weights of the last step done.
            Save(module, checkpoint);
        }

        progress.Complete();
        var engine = GptModel.FromWeights(module.ToWeights(), Model.Tokenizer, Model.Engine.Options);
        WriteObject(new LanguageModel(Model.Name, "Trained", checkpoint, engine) { TrainingHistory = [.. Model.TrainingHistory, .. progress.Evaluations] });
    }

    private GptModule Begin(string? checkpoint)
    {
        if (!Resume || !File.Exists(checkpoint)) return GptModule.FromWeights(Model.Engine);
        using var saved = GptCheckpoint.Open(checkpoint);
        if (saved.Config != Model.Config) throw new InvalidDataException($"'{checkpoint}' belongs to another model: {saved.Config}, not {Model.Config}.");
        return GptModule.FromWeights(saved);
    }

    private void Save(GptModule module, string? checkpoint)
    {
        if (checkpoint is not null) GptCheckpoint.Save(checkpoint, module.ToWeights(), Model.Tokenizer);
    }

    private string CheckedCheckpoint(string file)
    {
        if (!Directory.Exists(System.IO.Path.GetDirectoryName(file)))
        {
            Terminate(new DirectoryNotFoundException($"The folder of '{file}' does not exist."), "FolderNotFound", ErrorCategory.ObjectNotFound, CheckpointPath);
        }

        if (File.Exists(file) && !Resume && !Force)
        {
            Terminate(
                new IOException($"'{file}' already exists; use -Resume to go on from it or -Force to replace it."), "FileExists", ErrorCategory.ResourceExists, file);
        }

        return file;
    }

    private TrainingOptions Options()
    {
        var defaults = new TrainingOptions();
        return new TrainingOptions
        {
            Epochs = Epochs ?? defaults.Epochs,
            MaxSteps = MaxSteps ?? defaults.MaxSteps,
            BatchSize = BatchSize ?? defaults.BatchSize,
            Stride = Stride ?? defaults.Stride,
            ValidationFraction = ValidationFraction ?? defaults.ValidationFraction,
            LearningRate = LearningRate ?? defaults.LearningRate,
            FinalLearningRate = FinalLearningRate ?? defaults.FinalLearningRate,
            WarmUpSteps = WarmUpSteps ?? defaults.WarmUpSteps,
            WeightDecay = WeightDecay ?? defaults.WeightDecay,
            EvaluationInterval = EvaluationInterval ?? defaults.EvaluationInterval,
            EvaluationBatches = EvaluationBatches ?? defaults.EvaluationBatches,
            Seed = Seed ?? defaults.Seed,
        }.Validated();
    }
}
