using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>What a <see cref="GptClassifier"/> is trained to predict, and how.</summary>
/// <remarks>
/// The defaults of the training are those of S. Raschka, "Build a Large Language Model (From Scratch)", chapter 6, which trains the last
/// block, the last norm and a new head for 5 epochs of batches of 8 texts, with a learning rate of 5e-5. Only the head, or adapters, can
/// take a rate that is ten times as high.
/// </remarks>
public sealed record GptClassifierOptions
{
    /// <summary>
    /// The names of the classes in order, such as those that a model is to share with another; rows may lack some of them.
    /// </summary>
    /// <value><see langword="null"/>: the labels of the training rows in the order of their characters' codes.</value>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>
    /// The part of the model that is trained. With <see cref="TrainingOptions.Lora"/> it is not used: the adapters and the head are
    /// trained, and the adapters are merged into the classifier's model.
    /// </summary>
    /// <value><see cref="TrainedPart.HeadAndLastBlock"/>, the book's choice.</value>
    public TrainedPart TrainedPart { get; init => field = Check.Defined(value, nameof(TrainedPart)); }

    /// <summary>How texts are read.</summary>
    /// <value>The defaults of <see cref="ClassifierTextOptions"/>.</value>
    public ClassifierTextOptions Texts { get; init; } = new();

    /// <summary>
    /// How the model is trained. A batch is a number of texts; <see cref="TrainingOptions.ValidationFraction"/> is a fraction of the rows,
    /// drawn with the seed. <see cref="TrainingOptions.FrozenWeights"/> are frozen in addition to those that <see cref="TrainedPart"/>
    /// leaves out. The lengths and strides of windows are not used.
    /// </summary>
    /// <value>5 epochs, batches of 8 texts, learning rate 5e-5; otherwise the defaults of <see cref="TrainingOptions"/>.</value>
    public TrainingOptions Training { get; init; } = new() { Epochs = 5, BatchSize = 8, LearningRate = 5e-5 };

    /// <summary>How the trained model is stored and run.</summary>
    /// <value><see langword="null"/>: as the initial model is, or the defaults of <see cref="GptModelOptions"/>.</value>
    public GptModelOptions? Model { get; init; }
}
