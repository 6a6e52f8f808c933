using System.Runtime.CompilerServices;

namespace MLNet.Gpt.Training;

/// <summary>How a network is trained. Immutable; each property checks its own range, <see cref="Validated"/> what holds between them.</summary>
/// <remarks>Where a default is the book's, it is that of S. Raschka, "Build a Large Language Model (From Scratch)", chapter 5.</remarks>
public sealed record TrainingOptions
{
    /// <summary>Rounds through the training data; at least 1.</summary>
    /// <value>10, as in the book.</value>
    public int Epochs { get; init => field = AtLeast(1, value); } = 10;

    /// <summary>Steps after which training ends even amid an epoch; at least 1.</summary>
    /// <value><see langword="null"/>: as many as the epochs take.</value>
    public int? MaxSteps { get; init => field = value is { } steps ? AtLeast(1, steps) : null; }

    /// <summary>Windows in a batch, B; at least 1.</summary>
    /// <value>2, as in the book.</value>
    public int BatchSize { get; init => field = AtLeast(1, value); } = 2;

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

    /// <summary>What the learning rate falls to by the last step, along a cosine; at least 0 and at most <see cref="LearningRate"/>.</summary>
    /// <value><see langword="null"/>: it stays as it is.</value>
    public double? FinalLearningRate { get; init => field = value is { } rate ? NotNegative(rate) : null; }

    /// <summary>Steps over which the learning rate rises in equal parts to <see cref="LearningRate"/>; at least 0.</summary>
    /// <value>0.</value>
    public int WarmUpSteps { get; init => field = AtLeast(0, value); }

    /// <summary>AdamW's weight decay, for all weights; at least 0.</summary>
    /// <value>0.1, as in the book.</value>
    public double WeightDecay { get; init => field = NotNegative(value); } = 0.1;

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
    /// <value>1.0; <see langword="null"/> for no limit.</value>
    public double? GradientClipping { get; init => field = value is { } norm ? Positive(norm) : null; } = 1.0;

    /// <summary>Steps between two evaluations; at least 1. There is always one before the first step and one after the last.</summary>
    /// <value><see langword="null"/>: a twentieth of all steps.</value>
    public int? EvaluationInterval { get; init => field = value is { } interval ? AtLeast(1, interval) : null; }

    /// <summary>Batches of the training data, and of the validation data, that an evaluation measures; at least 1.</summary>
    /// <value>5, as in the book; <see langword="null"/> for all.</value>
    public int? EvaluationBatches { get; init => field = value is { } batches ? AtLeast(1, batches) : null; } = 5;

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

    private static double NotNegative(double value, [CallerMemberName] string name = "") => value >= 0 && double.IsFinite(value)
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be at least 0 and finite.");

    private static double Fraction(double value, [CallerMemberName] string name = "") => value is >= 0 and < 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be at least 0 and below 1.");
}
