using System.Management.Automation;
using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>The settings of a training as parameters. One that is not given has the library's default.</summary>
public abstract class TrainingCommand : TextInputCommand
{
    private TrainingEngine _engine = TrainingEngine.Managed;

    /// <summary>The engine that computes the training.</summary>
    [Parameter]
    public TrainingEngineName Engine { get; set; }

    /// <summary>Passes over the texts.</summary>
    [Parameter]
    public int? Epochs { get; set; }

    /// <summary>Steps after which training ends, even in the middle of an epoch.</summary>
    [Parameter]
    public int? MaxSteps { get; set; }

    /// <summary>Time after which training ends, even in the middle of an epoch.</summary>
    [Parameter]
    public TimeSpan? MaxDuration { get; set; }

    /// <summary>Windows in a batch.</summary>
    [Parameter]
    public int? BatchSize { get; set; }

    /// <summary>Batches whose gradients are accumulated for one step.</summary>
    [Parameter]
    public int? BatchesPerStep { get; set; }

    /// <summary>Drops windows that do not fill a whole batch.</summary>
    [Parameter]
    public SwitchParameter DropLastBatch { get; set; }

    /// <summary>Tokens between the starts of two windows.</summary>
    [Parameter]
    public int? Stride { get; set; }

    /// <summary>The fraction of the tokens, at the end, that is held out to measure on.</summary>
    [Parameter]
    public double? ValidationFraction { get; set; }

    /// <summary>The step size after warm-up.</summary>
    [Parameter]
    public double? LearningRate { get; set; }

    /// <summary>The learning rate of the last step.</summary>
    [Parameter]
    public double? FinalLearningRate { get; set; }

    /// <summary>The curve along which the learning rate falls.</summary>
    [Parameter]
    public LearningRateDecay? LearningRateDecay { get; set; }

    /// <summary>Steps over which the learning rate rises.</summary>
    [Parameter]
    public int? WarmUpSteps { get; set; }

    /// <summary>AdamW's weight decay.</summary>
    [Parameter]
    public double? WeightDecay { get; set; }

    /// <summary>Decays only matrices.</summary>
    [Parameter]
    public SwitchParameter DecayMatricesOnly { get; set; }

    /// <summary>The maximum norm of all gradients together; 0 for no limit.</summary>
    [Parameter]
    public double? GradientClipping { get; set; }

    /// <summary>The fraction of a target's probability that is spread over the vocabulary.</summary>
    [Parameter]
    public double? LabelSmoothing { get; set; }

    /// <summary>Names of weights that are not trained; wildcards are allowed.</summary>
    [Parameter]
    [SupportsWildcards]
    public string[] FreezeWeight { get; set; } = [];

    /// <summary>What happens when the loss becomes NaN or infinite.</summary>
    [Parameter]
    public DivergencePolicy? OnDivergence { get; set; }

    /// <summary>Steps between two evaluations.</summary>
    [Parameter]
    public int? EvaluationInterval { get; set; }

    /// <summary>Batches that an evaluation measures.</summary>
    [Parameter]
    public int? EvaluationBatches { get; set; }

    /// <summary>Evaluations without a lower validation loss after which training ends.</summary>
    [Parameter]
    public int? Patience { get; set; }

    /// <summary>Ends with the weights of the lowest validation loss.</summary>
    [Parameter]
    public SwitchParameter KeepBest { get; set; }

    /// <summary>The beginning of the text that the model writes after each epoch.</summary>
    [Parameter]
    public string? SamplePrompt { get; set; }

    /// <summary>The number of tokens that it writes.</summary>
    [Parameter]
    public int? SampleTokens { get; set; }

    /// <summary>The seed of the order of windows and of dropout.</summary>
    [Parameter]
    public long? Seed { get; set; }

    /// <summary>The folder that checkpoints are written to.</summary>
    [Parameter]
    public string? CheckpointPath { get; set; }

    /// <summary>Steps between two checkpoints.</summary>
    [Parameter]
    public int? CheckpointInterval { get; set; }

    /// <summary>Checkpoints that are kept.</summary>
    [Parameter]
    public int? CheckpointCount { get; set; }

    /// <summary>Resumes from the latest checkpoint, if there is one.</summary>
    [Parameter]
    public SwitchParameter Resume { get; set; }

    /// <summary>Removes existing checkpoints.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        try
        {
            _engine = TrainingEngines.Load(Engine);
        }
        catch (FileNotFoundException missing)
        {
            Terminate(missing, "TorchSharpNotInstalled", ErrorCategory.NotInstalled, Engine);
        }
    }

    /// <summary>Returns the settings as the library takes them.</summary>
    /// <param name="tokenizer">The model's, for samples and checkpoints.</param>
    /// <param name="checkpointFolder"><see cref="CheckpointPath"/> in full.</param>
    protected TrainingOptions Options(ITextTokenizer tokenizer, string? checkpointFolder)
    {
        // The book's settings, except those that belong to its log.
        var defaults = TrainingOptions.Lecture with { GradientClipping = 1, EvaluationInterval = null };
        return new TrainingOptions
        {
            Engine = _engine,
            Epochs = Epochs ?? defaults.Epochs,
            MaxSteps = MaxSteps ?? defaults.MaxSteps,
            MaxDuration = MaxDuration ?? defaults.MaxDuration,
            BatchSize = BatchSize ?? defaults.BatchSize,
            BatchesPerStep = BatchesPerStep ?? defaults.BatchesPerStep,
            DropLastBatch = DropLastBatch,
            Stride = Stride ?? defaults.Stride,
            ValidationFraction = ValidationFraction ?? defaults.ValidationFraction,
            LearningRate = LearningRate ?? defaults.LearningRate,
            FinalLearningRate = FinalLearningRate ?? defaults.FinalLearningRate,
            Decay = FinalLearningRate is null ? defaults.Decay : LearningRateDecay ?? MLNet.Gpt.LearningRateDecay.Cosine,
            WarmUpSteps = WarmUpSteps ?? defaults.WarmUpSteps,
            WeightDecay = WeightDecay ?? defaults.WeightDecay,
            DecayMatricesOnly = DecayMatricesOnly,
            GradientClipping = GradientClipping == 0 ? null : GradientClipping ?? defaults.GradientClipping,
            LabelSmoothing = LabelSmoothing ?? defaults.LabelSmoothing,
            FrozenWeights = FreezeWeight,
            OnDivergence = OnDivergence ?? defaults.OnDivergence,
            EvaluationInterval = EvaluationInterval ?? defaults.EvaluationInterval,
            EvaluationBatches = EvaluationBatches ?? defaults.EvaluationBatches,
            Patience = Patience ?? defaults.Patience,
            KeepBest = KeepBest,
            Sample = Sample(tokenizer),
            Checkpoints = Checkpoints(tokenizer, checkpointFolder),
            Seed = Seed ?? defaults.Seed,
        }.Validated();
    }

    private SampleOptions? Sample(ITextTokenizer tokenizer)
    {
        if (SamplePrompt is null) return null;
        var sample = new SampleOptions(SamplePrompt) { Tokenizer = tokenizer };
        return SampleTokens is { } tokens ? sample with { Generation = sample.Generation with { MaxTokens = tokens } } : sample;
    }

    private CheckpointOptions? Checkpoints(ITextTokenizer tokenizer, string? folder)
    {
        if (folder is null) return null;
        var checkpoints = new CheckpointOptions(folder)
        {
            Interval = CheckpointInterval,
            Existing = Resume ? ExistingCheckpoints.Resume : Force ? ExistingCheckpoints.Replace : ExistingCheckpoints.Refuse,
            Tokenizer = tokenizer,
        };
        return CheckpointCount is { } count ? checkpoints with { Keep = count } : checkpoints;
    }
}
