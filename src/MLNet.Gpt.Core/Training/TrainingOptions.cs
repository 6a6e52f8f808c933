using MLNet.Gpt.Configuration;
using MLNet.Gpt.Training;
using MLNet.Gpt.Training.Checkpoints;

namespace MLNet.Gpt;

/// <summary>
/// How a network is trained. Immutable; each property checks its own range, and <see cref="Validated()"/> checks that
/// they are consistent.
/// </summary>
/// <remarks>
/// The defaults suit texts of a few hundred thousand tokens or more. <see cref="Lecture"/> has the values of S.
/// Raschka, "Build a Large Language Model (From Scratch)", chapter 5, which trains on a story of 5,000 tokens.
/// </remarks>
public sealed record TrainingOptions
{
    /// <summary>Steps in a row that <see cref="DivergencePolicy.SkipStep"/> skips before training ends.</summary>
    public const int SkippedStepLimit = 20;

    /// <summary>
    /// The lecture's run, from its book: 10 epochs of batches of 2 with the last dropped, a constant learning rate of
    /// 4e-4 without warm-up or clipping, a tenth of the text for validation, an evaluation every 5 steps on 5 batches,
    /// and a sample of 50 tokens after each epoch. The lecture's numbers, digit for digit, come from these with the
    /// engine TorchSharpEngine.PyTorchExact of the package MLNet.Gpt.TorchSharp.
    /// </summary>
    public static TrainingOptions Lecture { get; } = new()
    {
        Epochs = 10,
        BatchSize = 2,
        DropLastBatch = true,
        ValidationFraction = 0.1,
        LearningRate = 4e-4,
        Decay = LearningRateDecay.None,
        WarmUpSteps = 0,
        GradientClipping = null,
        EvaluationInterval = 5,
        Sample = new("Every effort moves you"),
        Seed = 123,
    };

    /// <summary>The engine that computes training.</summary>
    /// <value><see cref="TrainingEngine.Managed"/>.</value>
    public TrainingEngine Engine
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Engine));
    } = TrainingEngine.Managed;

    /// <summary>
    /// Threads that the managed engine works on, including the calling one; at least 1. At most four per processor are
    /// used, so that a setting from a larger machine does no harm. Results do not depend on it, to the last bit.
    /// </summary>
    /// <value>
    /// <see langword="null"/>: as many as the machine has processors. The engines of MLNet.Gpt.TorchSharp use
    /// libtorch's own setting instead.
    /// </value>
    public int? ThreadCount { get; init => field = Check.AtLeast(value, 1, nameof(ThreadCount)); }

    /// <summary>Passes through the training data; at least 1.</summary>
    /// <value>3; 10 in the lecture.</value>
    public int Epochs { get; init => field = Check.AtLeast(value, 1, nameof(Epochs)); } = 3;

    /// <summary>
    /// Steps after which training ends even in the middle of an epoch; at least 0. With 0 the losses are measured, and
    /// the weights remain as they are.
    /// </summary>
    /// <value><see langword="null"/>: as many as the epochs take.</value>
    public int? MaxSteps { get; init => field = Check.AtLeast(value, 0, nameof(MaxSteps)); }

    /// <summary>
    /// Time after which training ends even in the middle of an epoch, after the current step; above 0. It restarts when
    /// training resumes.
    /// </summary>
    /// <value><see langword="null"/>: as long as it takes.</value>
    public TimeSpan? MaxDuration
    {
        get;
        init => field = value is null || value > TimeSpan.Zero
            ? value
            : throw Check.OutOfRange(nameof(MaxDuration), value, "above 0");
    }

    /// <summary>Windows or sequences in a batch, B; at least 1.</summary>
    /// <value>16; 2 in the lecture.</value>
    public int BatchSize { get; init => field = Check.AtLeast(value, 1, nameof(BatchSize)); } = 16;

    /// <summary>
    /// Batches whose gradients are accumulated for one step, as if they were one large batch; at least 1.
    /// </summary>
    /// <value>1.</value>
    public int BatchesPerStep { get; init => field = Check.AtLeast(value, 1, nameof(BatchesPerStep)); } = 1;

    /// <summary>
    /// Whether windows or sequences that do not fill a batch are left out of an epoch: different ones each time, because the order
    /// is shuffled.
    /// </summary>
    /// <value><see langword="false"/>; the lecture drops them.</value>
    public bool DropLastBatch { get; init; }

    /// <summary>Tokens between the beginnings of two training windows, at least 1 and at most <see cref="WindowLength"/>.</summary>
    /// <value><see langword="null"/>: the window length, as in the lecture, so that windows do not overlap.</value>
    public int? Stride { get; init => field = Check.AtLeast(value, 1, nameof(Stride)); }

    /// <summary>The number of tokens in a window, T; from 1 to the model's context length.</summary>
    /// <value><see langword="null"/>: the model's context length, but at most 1024.</value>
    public int? WindowLength { get; init => field = Check.AtLeast(value, 1, nameof(WindowLength)); }

    /// <summary>Returns the number of tokens in a window.</summary>
    /// <param name="contextLength">The model's context length.</param>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="WindowLength"/> is above it.</exception>
    internal int WindowLengthFor(int contextLength) => WindowLength is { } length
        ? Check.Between(length, 1, contextLength, nameof(WindowLength))
        : Math.Min(contextLength, 1024);

    /// <summary>
    /// What is predicted: the scores of that many classes, or, with 1, a number, by a new head from the last token of each
    /// sequence; at least 1. The head, (K, C) with a bias of K numbers, replaces the output head, and the sequences need
    /// <see cref="TrainingSequence.Label"/>, with 1 <see cref="TrainingSequence.Value"/>. Classes are learned by cross-entropy,
    /// numbers by the mean squared error, which is then reported as the loss.
    /// </summary>
    /// <remarks>
    /// The head is drawn from <see cref="Seed"/> as the book's <c>torch.nn.Linear</c> after <c>torch.manual_seed</c>, unless the
    /// weights have one already, as those of <see cref="GptConfig.ScoreCount"/> do. A bias that is frozen is 0.
    /// </remarks>
    /// <value>
    /// <see langword="null"/>: the next token, or what the weights have a head for.
    /// </value>
    public int? ScoreCount { get; init => field = Check.AtLeast(value, 1, nameof(ScoreCount)); }

    /// <summary>
    /// The fraction of the tokens, at their end, that is held out for validation; at least 0 and below 1.
    /// </summary>
    /// <value>0: all of them are used for training; 0.1 in the lecture.</value>
    public double ValidationFraction { get; init => field = Check.BelowOne(value, nameof(ValidationFraction)); }

    /// <summary>The step size of AdamW after warm-up; above 0.</summary>
    /// <value>1e-3; 4e-4 in the lecture.</value>
    public double LearningRate { get; init => field = Check.Positive(value, nameof(LearningRate)); } = 1e-3;

    /// <summary>
    /// What the learning rate falls to by the last step; at least 0 and at most <see cref="LearningRate"/>.
    /// </summary>
    /// <value>
    /// <see langword="null"/>: a tenth of <see cref="LearningRate"/>, unless <see cref="Decay"/> is
    /// <see cref="LearningRateDecay.None"/>.
    /// </value>
    public double? FinalLearningRate { get; init => field = value is { } rate ? Check.NotNegative(rate, nameof(FinalLearningRate)) : null; }

    /// <summary>How the learning rate falls to <see cref="FinalLearningRate"/>, if at all.</summary>
    /// <value><see cref="LearningRateDecay.Cosine"/>; <see cref="LearningRateDecay.None"/> in the lecture.</value>
    public LearningRateDecay Decay { get; init => field = Check.Defined(value, nameof(Decay)); }

    /// <summary>Steps over which the learning rate rises linearly to <see cref="LearningRate"/>; at least 0.</summary>
    /// <value><see langword="null"/>: a twentieth of all steps, and at most 100; 0 in the lecture.</value>
    public int? WarmUpSteps { get; init => field = Check.AtLeast(value, 0, nameof(WarmUpSteps)); }

    /// <summary>AdamW's weight decay; at least 0.</summary>
    /// <value>0.1, as in the lecture.</value>
    public double WeightDecay { get; init => field = Check.NotNegative(value, nameof(WeightDecay)); } = 0.1;

    /// <summary>
    /// Whether only matrices, including embeddings, decay, but biases, scales and shifts do not, as in the training of
    /// GPT-2 and GPT-3.
    /// </summary>
    /// <value><see langword="false"/>: all weights decay, as in the lecture.</value>
    public bool DecayMatricesOnly { get; init; }

    /// <summary>AdamW's β₁, the decay rate of the mean gradient; at least 0 and below 1.</summary>
    /// <value>0.9, as in PyTorch.</value>
    public double Beta1 { get; init => field = Check.BelowOne(value, nameof(Beta1)); } = 0.9;

    /// <summary>AdamW's β₂, the decay rate of the mean squared gradient; at least 0 and below 1.</summary>
    /// <value>0.999, as in PyTorch.</value>
    public double Beta2 { get; init => field = Check.BelowOne(value, nameof(Beta2)); } = 0.999;

    /// <summary>AdamW's ε, added to the root of the mean squared gradient; above 0.</summary>
    /// <value>1e-8, as in PyTorch.</value>
    public double Epsilon { get; init => field = Check.Positive(value, nameof(Epsilon)); } = 1e-8;

    /// <summary>The maximum norm of all gradients together; larger gradients are scaled down to it. Above 0.</summary>
    /// <value>1.0; <see langword="null"/> for no limit, as in the lecture.</value>
    public double? GradientClipping
    {
        get;
        init => field = value is { } norm ? Check.Positive(norm, nameof(GradientClipping)) : null;
    } = 1.0;

    /// <summary>
    /// Label smoothing: the part of a target's probability that is spread over the whole vocabulary, or all classes, in the
    /// training loss; at least 0 and below 1.
    /// </summary>
    /// <value>0. Measured losses never include it.</value>
    public double LabelSmoothing { get; init => field = Check.BelowOne(value, nameof(LabelSmoothing)); }

    /// <summary>
    /// Weights that are not trained, by their names in <see cref="WeightNames"/>; <c>*</c> matches any characters, as in
    /// <c>trf_blocks.0.*</c>. Nothing below the lowest trained weight is differentiated, so that training the last block and the
    /// head costs little more than a forward pass.
    /// </summary>
    /// <value>None.</value>
    public IReadOnlyList<string> FrozenWeights { get; init; } = [];

    /// <summary>
    /// Training of low-rank adapters instead of the weights, which are then frozen, and used at the precision of the model that
    /// is trained. Only the managed engine supports it.
    /// </summary>
    /// <value><see langword="null"/>: the weights themselves are trained.</value>
    public LoraOptions? Lora { get; init; }

    /// <summary>
    /// The adapter that training with <see cref="Lora"/> starts from, with the weights that were trained in full beside it. Its
    /// matrices and ranks must be those of <see cref="Lora"/>. If its scale is not, B takes up the difference. Its dropout is not used.
    /// </summary>
    /// <value><see langword="null"/>: a new one, with which training starts from exactly the base model.</value>
    public LoraAdapter? InitialAdapter { get; init; }

    /// <summary>What happens if the loss becomes NaN or infinite.</summary>
    /// <value><see cref="DivergencePolicy.Throw"/>.</value>
    public DivergencePolicy OnDivergence { get; init => field = Check.Defined(value, nameof(OnDivergence)); }

    /// <summary>Steps between two evaluations; at least 1. There is always one before the first step and one after the last.</summary>
    /// <value><see langword="null"/>: a twentieth of all steps.</value>
    public int? EvaluationInterval { get; init => field = Check.AtLeast(value, 1, nameof(EvaluationInterval)); }

    /// <summary>Batches of training data, and of validation data, that an evaluation measures; at least 1.</summary>
    /// <value>5, as in the lecture; <see langword="null"/> for all.</value>
    public int? EvaluationBatches { get; init => field = Check.AtLeast(value, 1, nameof(EvaluationBatches)); } = 5;

    /// <summary>
    /// Evaluations in a row without a lower validation loss after which training ends, with the weights of the lowest;
    /// at least 1.
    /// </summary>
    /// <value><see langword="null"/>: training continues to its last step.</value>
    public int? Patience { get; init => field = Check.AtLeast(value, 1, nameof(Patience)); }

    /// <summary>
    /// Whether training ends with the weights that had the lowest validation loss, rather than the last ones.
    /// </summary>
    /// <value>
    /// <see langword="false"/>; with <see cref="Patience"/> it always does. Either needs validation data.
    /// </value>
    public bool KeepBest { get; init; }

    /// <summary>The text that is generated after each epoch.</summary>
    /// <value><see langword="null"/>: none.</value>
    public SampleOptions? Sample { get; init; }

    /// <summary>Where and how often training saves what it needs to resume.</summary>
    /// <value><see langword="null"/>: nowhere.</value>
    public CheckpointOptions? Checkpoints { get; init; }

    /// <summary>The seed of the order of windows and of dropout.</summary>
    /// <value>
    /// 123, as in the lecture. In ML.NET, a seed that is set here takes precedence over that of the <c>MLContext</c>,
    /// which takes precedence over the default.
    /// </value>
    public long Seed
    {
        get;
        init
        {
            field = value;
            IsSeedSet = true;
        }
    } = 123;

    /// <summary>Whether <see cref="Seed"/> was set, to whatever value.</summary>
    internal bool IsSeedSet { get; private init; }

    /// <summary>Whether the weights of the lowest validation loss are kept.</summary>
    internal bool KeepsBestWeights => KeepBest || Patience is not null;

    /// <summary>Returns these options if they are consistent.</summary>
    /// <exception cref="ArgumentException">
    /// <see cref="FinalLearningRate"/> is above <see cref="LearningRate"/>, or is set although <see cref="Decay"/> is
    /// <see cref="LearningRateDecay.None"/>.
    /// </exception>
    public TrainingOptions Validated()
    {
        if (FinalLearningRate is not { } final) return this;
        if (Decay == LearningRateDecay.None)
        {
            throw new ArgumentException($"{nameof(FinalLearningRate)} is set, but {nameof(Decay)} is {Decay}; choose a decay.");
        }

        return final <= LearningRate
            ? this
            : throw new ArgumentException(FormattableString.Invariant(
                $"{nameof(FinalLearningRate)} is {final}; it must be at most {nameof(LearningRate)}, which is {LearningRate}."));
    }

    /// <summary>Returns the configuration of the trained network: with the head that <see cref="ScoreCount"/> asks for.</summary>
    /// <exception cref="ArgumentException">The network has a head for another number of scores.</exception>
    internal GptConfig ConfigOf(GptConfig config) => ScoreCount is null || config.ScoreCount is null || config.ScoreCount == ScoreCount
        ? config with { ScoreCount = ScoreCount ?? config.ScoreCount }
        : throw new ArgumentException(
            $"{nameof(ScoreCount)} is {ScoreCount}, but the model has a head for {Quantity.Of(config.ScoreCount.Value, "score")}.");

    /// <summary>Returns these options if they agree with each other and with a network that is to be trained.</summary>
    /// <param name="config">The network's configuration.</param>
    /// <exception cref="ArgumentException">
    /// They do not agree with each other, or <see cref="FrozenWeights"/> has a name that fits no weight, or leaves none
    /// to train.
    /// </exception>
    public TrainingOptions Validated(GptConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        _ = TrainedWeight.For(ConfigOf(config), Validated());
        return this;
    }

    /// <summary>
    /// Returns what must be the same for this training to resume. Reads all tokens once, for their hash.
    /// </summary>
    internal TrainingFingerprint Fingerprint(TrainingData data, CancellationToken cancellationToken) => new()
    {
        Engine = Engine.Name,
        Seed = Seed,
        BatchSize = BatchSize,
        BatchesPerStep = BatchesPerStep,
        DropLastBatch = DropLastBatch,
        Stride = Stride,
        Windows = data.TrainingCount,
        Targets = data.TargetCount,
        FrozenWeights = string.Join(' ', FrozenWeights),
        Lora = Lora?.ToFingerprint(),
        WindowLength = data.TrainingExamples.ContextLength,
        TrainingTokens = data.TrainingExamples.Fingerprint(cancellationToken),
        ValidationTokens = data.ValidationExamples?.Fingerprint(cancellationToken) ?? "",
        Beta1 = Beta1,
        Beta2 = Beta2,
        Epsilon = Epsilon,
        WeightDecay = WeightDecay,
        DecayMatricesOnly = DecayMatricesOnly,
        LabelSmoothing = LabelSmoothing,
        EvaluationBatches = EvaluationBatches ?? 0,
        KeepBest = KeepsBestWeights,
    };
}
