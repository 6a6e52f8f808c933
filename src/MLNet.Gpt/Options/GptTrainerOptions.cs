using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>What a <see cref="GptTrainer"/> creates, how it trains it, and what the trained transformer does.</summary>
public sealed record GptTrainerOptions
{
    /// <summary>
    /// The model whose weights training starts from, to fine-tune it. It is not changed and not disposed, and must live
    /// until <c>Fit</c> returns. <see cref="Config"/>, <see cref="Tokenizer"/> and <see cref="Initialization"/> are not
    /// used then: the trained model has the sizes and the tokenizer of this one.
    /// </summary>
    /// <value><see langword="null"/>: random weights, unless there is an <see cref="InitialModelPath"/>.</value>
    public GptModel? InitialModel { get; init; }

    /// <summary>
    /// The file or folder of the model whose weights training starts from, in any format that
    /// <see cref="GptModel.Load"/> reads. <c>Fit</c> opens it and keeps only the trained copy in memory. Sizes and
    /// tokenizer are those of the file, as with <see cref="InitialModel"/>.
    /// </summary>
    /// <value><see langword="null"/>: random weights, unless there is an <see cref="InitialModel"/>.</value>
    public string? InitialModelPath { get; init; }

    /// <summary>The sizes of a model that starts from random weights.</summary>
    /// <value>
    /// A model that learns from a book within minutes on a CPU: 4 layers, width 128, 4 heads, context 128, GPT-2's
    /// vocabulary.
    /// </value>
    public GptConfig Config { get; init; } = new() { LayerCount = 4, EmbeddingWidth = 128, HeadCount = 4, ContextLength = 128 };

    /// <summary>Encodes the text column; its vocabulary must have the size in <see cref="Config"/>.</summary>
    /// <value>GPT-2's tokenizer.</value>
    public ITextTokenizer Tokenizer { get; init; } = Gpt2Tokenizer.Instance;

    /// <summary>The distribution from which the initial weights are drawn.</summary>
    /// <value><see cref="WeightInitialization.Default"/>.</value>
    public WeightInitialization Initialization { get; init => field = Check.Defined(value, nameof(Initialization)); } =
        WeightInitialization.Default;

    /// <summary>How the model is trained.</summary>
    /// <value>The defaults of <see cref="TrainingOptions"/>; no rows are held out for validation.</value>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>The seed of the initial weights, the order of the windows, and dropout.</summary>
    /// <value>
    /// <see langword="null"/>: <see cref="TrainingOptions.Seed"/> if it is set in <see cref="Training"/>, else the seed
    /// of the <c>MLContext</c>, else 123.
    /// </value>
    public long? Seed { get; init; }

    /// <summary>
    /// What the trained transformer reads, computes and adds. Its input column is also the training column.
    /// </summary>
    /// <value>The defaults of <see cref="GptTransformerOptions"/>.</value>
    public GptTransformerOptions Transformer { get; init; } = new();

    /// <summary>How the trained model is stored and run.</summary>
    /// <value>
    /// <see langword="null"/>: as <see cref="InitialModel"/> is, or the defaults of <see cref="GptModelOptions"/>.
    /// </value>
    public GptModelOptions? Model { get; init; }

    /// <summary>Receives a report before the first step and after each.</summary>
    /// <value>
    /// <see langword="null"/>: no reports. <c>MLContext.Log</c> always has a line at the first step, at each evaluation
    /// and every ten seconds.
    /// </value>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>
    /// Stops the training before its next step; <see cref="GptTrainer.Fit(Microsoft.ML.IDataView)"/> then throws
    /// <see cref="OperationCanceledException"/>. Canceling the <c>MLContext</c>'s execution has the same effect.
    /// </summary>
    /// <value>A token that is never canceled.</value>
    public CancellationToken CancellationToken { get; init; }
}
