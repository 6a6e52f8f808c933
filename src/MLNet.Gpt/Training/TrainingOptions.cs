using MLNet.Gpt.Configuration;
using System.Runtime.CompilerServices;

namespace MLNet.Gpt.Training;

/// <summary>How a network is trained. Immutable; each property checks its own range, <see cref="Validated"/> what holds between them.</summary>
/// <remarks>Where a default is the book's, it is that of S. Raschka, "Build a Large Language Model (From Scratch)", chapter 5.</remarks>
public sealed record TrainingOptions
{
    /// <summary>Steps in a row that <see cref="DivergencePolicy.SkipStep"/> skips before training ends.</summary>
    public const int SkippedStepLimit = 20;

    /// <summary>
    /// The book's run: batches of 2 with the last dropped, no clipping, an evaluation every 5 steps on 5 batches, and a sample of 50 tokens after
    /// each epoch, in the mode that gives the book's numbers.
    /// </summary>
    public static TrainingOptions Lecture { get; } = new()
    {
        Mode = TrainingMode.PyTorchCompatible, DropsLastBatch = true, GradientClipping = null, EvaluationInterval = 5, Sample = new("Every effort moves you"),
    };

    /// <summary>What the numbers are computed by.</summary>
    /// <value><see cref="TrainingMode.Fast"/>.</value>
    public TrainingMode Mode { get; init => field = Check.Defined(value, nameof(Mode)); }

    /// <summary>Rounds through the training data; at least 1.</summary>
    /// <value>10, as in the book.</value>
    public int Epochs { get; init => field = AtLeast(1, value); } = 10;

    /// <summary>Steps after which training ends even amid an epoch; at least 1.</summary>
    /// <value><see langword="null"/>: as many as the epochs take.</value>
    public int? MaxSteps { get; init => field = value is { } steps ? AtLeast(1, steps) : null; }

    /// <summary>Time after which training ends even amid an epoch, with the step that is under way; above 0. A resumed training has it anew.</summary>
    /// <value><see langword="null"/>: as long as it takes.</value>
    public TimeSpan? MaxDuration { get; init => field = value is { } duration ? Positive(duration) : null; }

    /// <summary>Windows in a batch, B; at least 1.</summary>
    /// <value>2, as in the book.</value>
    public int BatchSize { get; init => field = AtLeast(1, value); } = 2;

    /// <summary>Batches whose gradients are added up for one step, as if they were one large batch: gradient accumulation. At least 1.</summary>
    /// <value>1.</value>
    public int BatchesPerStep { get; init => field = AtLeast(1, value); } = 1;

    /// <summary>Whether windows that fill no whole batch are left out of an epoch: other ones each time, since the order is shuffled.</summary>
    /// <value><see langword="false"/>; the book leaves them out.</value>
    public bool DropsLastBatch { get; init; }

    /// <summary>Tokens between the beginnings of two training windows, at least 1 and at most the context length.</summary>
    /// <value><see langword="null"/>: the context length, as in the book, so that windows do not overlap.</value>
    public int? Stride { get; init => field = value is { } stride ? AtLeast(1, stride) : null; }

    /// <summary>The share of the tokens, at their end, that is kept from training to measure on; at least 0 and below 1.</summary>
    /// <value>0.1, as in the book.</value>
    public double ValidationFraction { get; init => field = Fraction(value); } = 0.1;

    /// <summary>The step size of AdamW after warm-up; above 0.</summary>
    /// <value>4e-4, as in the book.</value>
    public double LearningRate { get; init => field = Positive(value); } = 4e-4;

    /// <summary>What the learning rate falls to by the last step; at least 0 and at most <see cref="LearningRate"/>.</summary>
    /// <value><see langword="null"/>: it stays as it is.</value>
    public double? FinalLearningRate { get; init => field = value is { } rate ? NotNegative(rate) : null; }

    /// <summary>The way the learning rate falls to <see cref="FinalLearningRate"/>, where there is one.</summary>
    /// <value><see cref="LearningRateDecay.Cosine"/>.</value>
    public LearningRateDecay Decay { get; init => field = Check.Defined(value, nameof(Decay)); }

    /// <summary>Steps over which the learning rate rises in equal parts to <see cref="LearningRate"/>; at least 0.</summary>
    /// <value>0.</value>
    public int WarmUpSteps { get; init => field = AtLeast(0, value); }

    /// <summary>AdamW's weight decay; at least 0.</summary>
    /// <value>0.1, as in the book.</value>
    public double WeightDecay { get; init => field = NotNegative(value); } = 0.1;

    /// <summary>Whether only matrices decay, embeddings among them, and biases, scales and shifts do not: what GPT-2 and GPT-3 were trained with.</summary>
    /// <value><see langword="false"/>: all weights decay, as in the book.</value>
    public bool DecaysMatricesOnly { get; init; }

    /// <summary>AdamW's β₁, the memory of the mean gradient; at least 0 and below 1.</summary>
    /// <value>0.9, as in PyTorch.</value>
    public double Beta1 { get; init => field = Fraction(value); } = 0.9;

    /// <summary>AdamW's β₂, the memory of the mean squared gradient; at least 0 and below 1.</summary>
    /// <value>0.999, as in PyTorch.</value>
    public double Beta2 { get; init => field = Fraction(value); } = 0.999;

    /// <summary>AdamW's ε, added to the root of the mean squared gradient; above 0.</summary>
    /// <value>1e-8, as in PyTorch.</value>
    public double Epsilon { get; init => field = Positive(value); } = 1e-8;

    /// <summary>The greatest norm of all gradients together; longer ones are shortened to it. Above 0.</summary>
    /// <value>1.0; <see langword="null"/> for no limit, as in the book.</value>
    public double? GradientClipping { get; init => field = value is { } norm ? Positive(norm) : null; } = 1.0;

    /// <summary>The share of a target's probability that is spread over the whole vocabulary in the loss that is learned from; at least 0 and below 1.</summary>
    /// <value>0. Losses that are measured never have it.</value>
    public double LabelSmoothing { get; init => field = Fraction(value); }

    /// <summary>
    /// Weights that stay as they are, by their names in <see cref="Checkpoints.WeightNames"/>; <c>*</c> stands for any letters, such as in
    /// <c>trf_blocks.0.*</c>.
    /// </summary>
    /// <value>None.</value>
    public IReadOnlyList<string> FrozenWeights { get; init; } = [];

    /// <summary>What happens where the loss is no longer a number.</summary>
    /// <value><see cref="DivergencePolicy.Throw"/>.</value>
    public DivergencePolicy OnDivergence { get; init => field = Check.Defined(value, nameof(OnDivergence)); }

    /// <summary>Steps between two evaluations; at least 1. There is always one before the first step and one after the last.</summary>
    /// <value><see langword="null"/>: a twentieth of all steps.</value>
    public int? EvaluationInterval { get; init => field = value is { } interval ? AtLeast(1, interval) : null; }

    /// <summary>Batches of the training data, and of the validation data, that an evaluation measures; at least 1.</summary>
    /// <value>5, as in the book; <see langword="null"/> for all.</value>
    public int? EvaluationBatches { get; init => field = value is { } batches ? AtLeast(1, batches) : null; } = 5;

    /// <summary>
    /// Evaluations in a row without a lower validation loss after which training ends, with the weights of the lowest; at least 1.
    /// </summary>
    /// <value><see langword="null"/>: it goes on to its last step.</value>
    public int? Patience { get; init => field = value is { } evaluations ? AtLeast(1, evaluations) : null; }

    /// <summary>Whether training ends with the weights of the lowest validation loss that was measured, rather than the last ones.</summary>
    /// <value><see langword="false"/>; with <see cref="Patience"/> it always does.</value>
    public bool KeepsBest { get; init; }

    /// <summary>The text that is written after each epoch.</summary>
    /// <value><see langword="null"/>: none.</value>
    public SampleOptions? Sample { get; init; }

    /// <summary>Where and how often everything is saved that a training needs to go on.</summary>
    /// <value><see langword="null"/>: nowhere.</value>
    public CheckpointOptions? Checkpoints { get; init; }

    /// <summary>What the order of the windows and dropout are drawn from.</summary>
    /// <value>123, as in the book.</value>
    public long Seed { get; init; } = 123;

    /// <summary>Returns these options if they agree with each other.</summary>
    /// <exception cref="ArgumentException"><see cref="FinalLearningRate"/> is above <see cref="LearningRate"/>.</exception>
    public TrainingOptions Validated() => FinalLearningRate is { } final && final > LearningRate
        ? throw new ArgumentException($"{nameof(FinalLearningRate)} is {final}; it must be at most {nameof(LearningRate)}, which is {LearningRate}.")
        : this;

    private static int AtLeast(int minimum, int value, [CallerMemberName] string name = "") => value >= minimum
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be at least {minimum}.");

    private static double Positive(double value, [CallerMemberName] string name = "") => value > 0 && double.IsFinite(value)
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be above 0 and finite.");

    private static TimeSpan Positive(TimeSpan value, [CallerMemberName] string name = "") => value > TimeSpan.Zero
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be above 0.");

    private static double NotNegative(double value, [CallerMemberName] string name = "") => value >= 0 && double.IsFinite(value)
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be at least 0 and finite.");

    private static double Fraction(double value, [CallerMemberName] string name = "") => value is >= 0 and < 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be at least 0 and below 1.");
}
