using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;

namespace MLNetGpt.Cmdlets;

/// <summary>The settings of a training as parameters. One that is not given has the library's default.</summary>
public abstract class TrainingCommand : TextInputCommand
{
    private TrainingEngine _engine = TrainingEngine.Managed;

    /// <summary>The parameters of the library's settings.</summary>
    private protected static ParameterNames Names { get; } = new(
        typeof(TrainingOptions),
        (nameof(TrainingOptions.Epochs), nameof(Epoch)),
        (nameof(TrainingOptions.MaxSteps), nameof(MaxStep)),
        (nameof(TrainingOptions.BatchesPerStep), nameof(BatchPerStep)),
        (nameof(TrainingOptions.WarmUpSteps), nameof(WarmUpStep)),
        (nameof(TrainingOptions.Decay), nameof(LearningRateDecay)),
        (nameof(TrainingOptions.FrozenWeights), nameof(FreezeWeight)),
        (nameof(TrainingOptions.EvaluationBatches), nameof(EvaluationBatch)),
        (nameof(TrainingOptions.Sample), nameof(SamplePrompt)),
        (nameof(TrainingOptions.Checkpoints), nameof(CheckpointPath)),
        (nameof(GenerationOptions.MaxTokens), nameof(SampleToken)),
        (nameof(LoraOptions.Rank), nameof(LoraRank)),
        (nameof(LoraOptions.Alpha), nameof(LoraAlpha)),
        (nameof(LoraOptions.Dropout), nameof(LoraDropout)),
        (nameof(LoraOptions.Targets), nameof(LoraTarget)),
        (nameof(CheckpointOptions.Interval), nameof(CheckpointInterval)),
        (nameof(CheckpointOptions.Keep), nameof(CheckpointCount)));

    /// <summary>The engine that computes the training.</summary>
    [Parameter]
    public TrainingEngineName Engine { get; set; }

    /// <summary>Passes over the texts.</summary>
    [Parameter]
    [Alias("Epochs", "num_train_epochs")]
    public int? Epoch { get; set; }

    /// <summary>Steps after which training ends, even in the middle of an epoch.</summary>
    [Parameter]
    [Alias("MaxSteps", "max_steps")]
    public int? MaxStep { get; set; }

    /// <summary>Time after which training ends, even in the middle of an epoch.</summary>
    [Parameter]
    [DurationArgument]
    public TimeSpan? MaxDuration { get; set; }

    /// <summary>Windows in a batch.</summary>
    [Parameter]
    [Alias("batch_size")]
    public int? BatchSize { get; set; }

    /// <summary>Batches whose gradients are accumulated for one step.</summary>
    [Parameter]
    [Alias("BatchesPerStep", "GradientAccumulationSteps", "gradient_accumulation_steps")]
    public int? BatchPerStep { get; set; }

    /// <summary>Drops windows that do not fill a whole batch.</summary>
    [Parameter]
    public SwitchParameter DropLastBatch { get; set; }

    /// <summary>Tokens between the starts of two windows.</summary>
    [Parameter]
    public int? Stride { get; set; }

    /// <summary>Tokens in a window; by default the context length, at most 1024.</summary>
    [Parameter]
    public int? WindowLength { get; set; }

    /// <summary>The fraction of the tokens, at the end, that is held out to measure on.</summary>
    [Parameter]
    public double? ValidationFraction { get; set; }

    /// <summary>The step size after warm-up.</summary>
    [Parameter]
    [Alias("learning_rate", "lr")]
    public double? LearningRate { get; set; }

    /// <summary>The learning rate of the last step.</summary>
    [Parameter]
    public double? FinalLearningRate { get; set; }

    /// <summary>The curve along which the learning rate falls.</summary>
    [Parameter]
    public LearningRateDecay? LearningRateDecay { get; set; }

    /// <summary>Steps over which the learning rate rises.</summary>
    [Parameter]
    [Alias("WarmUpSteps", "warmup_steps")]
    public int? WarmUpStep { get; set; }

    /// <summary>AdamW's weight decay.</summary>
    [Parameter]
    [Alias("weight_decay")]
    public double? WeightDecay { get; set; }

    /// <summary>Decays only matrices.</summary>
    [Parameter]
    public SwitchParameter DecayMatricesOnly { get; set; }

    /// <summary>The maximum norm of all gradients together; 0 for no limit.</summary>
    [Parameter]
    [Alias("MaxGradNorm", "max_grad_norm")]
    public double? GradientClipping { get; set; }

    /// <summary>The fraction of a target's probability that is spread over the vocabulary.</summary>
    [Parameter]
    public double? LabelSmoothing { get; set; }

    /// <summary>Names of weights that are not trained; wildcards are allowed.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(WeightNameCompleter))]
    public string[] FreezeWeight { get; set; } = [];

    /// <summary>The rank of low-rank adapters, which are trained instead of the weights.</summary>
    [Parameter]
    [Alias("lora_r")]
    public int? LoraRank { get; set; }

    /// <summary>The scale of the adapters is this divided by their rank.</summary>
    [Parameter]
    [Alias("lora_alpha")]
    public double? LoraAlpha { get; set; }

    /// <summary>The probability that an input of an adapter is dropped during training.</summary>
    [Parameter]
    [Alias("lora_dropout")]
    public double? LoraDropout { get; set; }

    /// <summary>Names of matrices that have adapters; wildcards are allowed.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(WeightNameCompleter))]
    public string[] LoraTarget { get; set; } = [];

    /// <summary>What happens when the loss becomes NaN or infinite.</summary>
    [Parameter]
    public DivergencePolicy? OnDivergence { get; set; }

    /// <summary>Steps between two evaluations.</summary>
    [Parameter]
    public int? EvaluationInterval { get; set; }

    /// <summary>Batches that an evaluation measures.</summary>
    [Parameter]
    [Alias("EvaluationBatches")]
    public int? EvaluationBatch { get; set; }

    /// <summary>Evaluations without a lower validation loss after which training ends.</summary>
    [Parameter]
    [Alias("EarlyStoppingPatience", "early_stopping_patience")]
    public int? Patience { get; set; }

    /// <summary>Ends with the weights of the lowest validation loss.</summary>
    [Parameter]
    public SwitchParameter KeepBest { get; set; }

    /// <summary>The beginning of the text that the model writes after each epoch.</summary>
    [Parameter]
    public string? SamplePrompt { get; set; }

    /// <summary>The number of tokens that it writes.</summary>
    [Parameter]
    [Alias("SampleTokens")]
    public int? SampleToken { get; set; }

    /// <summary>The number of threads that compute.</summary>
    [Parameter]
    public int? ThreadCount { get; set; }

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

    /// <summary>Removes existing checkpoints, and replaces the history's file.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        CheckParameters();
        try
        {
            _engine = TrainingEngines.Load(Engine);
        }
        catch (FileNotFoundException missing)
        {
            Terminate(missing, "TorchSharpNotInstalled", ErrorCategory.NotInstalled, Engine);
        }

        base.BeginProcessing();
    }

    /// <summary>The settings that are not given: those of the book, except those that belong to its log.</summary>
    private protected virtual TrainingOptions Defaults =>
        TrainingOptions.Lecture with { GradientClipping = 1, EvaluationInterval = null };

    private LoraOptions? Lora
    {
        get
        {
            if (LoraRank is not { } rank) return null;
            var defaults = new LoraOptions { Rank = rank };
            return defaults with
            {
                Alpha = LoraAlpha ?? defaults.Alpha,
                Dropout = LoraDropout ?? defaults.Dropout,
                Targets = LoraTarget.Length > 0 ? LoraTarget : defaults.Targets,
            };
        }
    }

    private ExistingCheckpoints Existing =>
        Resume ? ExistingCheckpoints.Resume : Force ? ExistingCheckpoints.Replace : ExistingCheckpoints.Refuse;

    /// <summary>Ends the command if a parameter would be ignored.</summary>
    private protected virtual void CheckParameters()
    {
        if (CheckpointPath is null)
        {
            if (Resume) RefuseWithout(nameof(Resume), nameof(CheckpointPath));
            if (CheckpointInterval is not null) RefuseWithout(nameof(CheckpointInterval), nameof(CheckpointPath));
            if (CheckpointCount is not null) RefuseWithout(nameof(CheckpointCount), nameof(CheckpointPath));
        }

        if (Resume && Force)
        {
            RefuseParameter(nameof(Force), "-Force removes existing checkpoints, and -Resume resumes from them; give one of the two.");
        }

        if (LoraRank is null)
        {
            if (LoraAlpha is not null) RefuseWithout(nameof(LoraAlpha), nameof(LoraRank));
            if (LoraDropout is not null) RefuseWithout(nameof(LoraDropout), nameof(LoraRank));
            if (LoraTarget.Length > 0) RefuseWithout(nameof(LoraTarget), nameof(LoraRank));
        }

        if (SamplePrompt is null && SampleToken is not null) RefuseWithout(nameof(SampleToken), nameof(SamplePrompt));
        if (Engine != TrainingEngineName.Managed && ThreadCount is not null)
        {
            RefuseParameter(nameof(ThreadCount), $"-ThreadCount has no effect on the engine {Engine}, which uses libtorch's own threads.");
        }

        if (ValidationFraction == 0 && Patience is not null) RefuseParameter(nameof(Patience), NoValidation(nameof(Patience)));
        if (ValidationFraction == 0 && KeepBest) RefuseParameter(nameof(KeepBest), NoValidation(nameof(KeepBest)));
        static string NoValidation(string name) => $"-{name} needs text to measure on, and -ValidationFraction is 0.";
    }

    /// <summary>Returns the settings as the library takes them.</summary>
    /// <param name="tokenizer">The model's, for samples and checkpoints.</param>
    /// <param name="checkpointFolder"><see cref="CheckpointPath"/> in full.</param>
    protected TrainingOptions Options(ITextTokenizer tokenizer, string? checkpointFolder)
    {
        var defaults = Defaults;
        return new TrainingOptions
        {
            Engine = _engine,
            Epochs = Epoch ?? defaults.Epochs,
            MaxSteps = MaxStep ?? defaults.MaxSteps,
            MaxDuration = MaxDuration ?? defaults.MaxDuration,
            BatchSize = BatchSize ?? defaults.BatchSize,
            BatchesPerStep = BatchPerStep ?? defaults.BatchesPerStep,
            DropLastBatch = DropLastBatch,
            Stride = Stride ?? defaults.Stride,
            WindowLength = WindowLength,
            ValidationFraction = ValidationFraction ?? defaults.ValidationFraction,
            LearningRate = LearningRate ?? defaults.LearningRate,
            FinalLearningRate = FinalLearningRate ?? defaults.FinalLearningRate,
            Decay = LearningRateDecay ?? (FinalLearningRate is null ? defaults.Decay : MLNet.Gpt.LearningRateDecay.Cosine),
            WarmUpSteps = WarmUpStep ?? defaults.WarmUpSteps,
            WeightDecay = WeightDecay ?? defaults.WeightDecay,
            DecayMatricesOnly = DecayMatricesOnly,
            GradientClipping = GradientClipping == 0 ? null : GradientClipping ?? defaults.GradientClipping,
            LabelSmoothing = LabelSmoothing ?? defaults.LabelSmoothing,
            FrozenWeights = FreezeWeight,
            Lora = Lora,
            OnDivergence = OnDivergence ?? defaults.OnDivergence,
            EvaluationInterval = EvaluationInterval ?? defaults.EvaluationInterval,
            EvaluationBatches = EvaluationBatch ?? defaults.EvaluationBatches,
            Patience = Patience ?? defaults.Patience,
            KeepBest = KeepBest,
            Sample = SavedRun.SampleOf(SamplePrompt, SampleToken, tokenizer),
            Checkpoints = SavedRun.CheckpointsIn(checkpointFolder, CheckpointInterval, CheckpointCount, Existing, tokenizer),
            ThreadCount = ThreadCount ?? defaults.ThreadCount,
            Seed = Seed ?? defaults.Seed,
        };
    }
}
