using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>A model in memory, as cmdlets pass it on. Disposing it frees its weights.</summary>
public sealed class LanguageModel : IDisposable
{
    private readonly GptModel? _engine;

    internal LanguageModel(string name, string format, string? source, GptModel engine, GptClassifier? classifier = null) =>
        (Name, Format, Source, _engine, Classifier) = (name, format, source, engine, classifier);

    private LanguageModel(string path) => (Name, Format, Source) = (System.IO.Path.GetFileName(path), "", path);

    /// <summary>Its name: that of the preset or the file that it came from.</summary>
    public string Name { get; }

    /// <summary>The origin of its weights: the format of their file, or how they were drawn.</summary>
    public string Format { get; }

    /// <summary>The file it came from, or <see langword="null"/>.</summary>
    public string? Source { get; }

    /// <summary>Its sizes and switches.</summary>
    public GptConfig Config => Engine.Config;

    /// <summary>Trainable parameters.</summary>
    public long ParameterCount => Config.ParameterCount;

    /// <summary>The numeric type of its matrices in memory.</summary>
    public WeightPrecision Precision => Engine.Options.Precision;

    /// <summary>Bytes that its weights take in memory.</summary>
    public long WeightBytes => Engine.WeightBytes;

    /// <summary>The adapters that it has besides its weights, in the order in which they were attached; empty for most models.</summary>
    public LoraAdapter[] Adapter { get; init; } = [];

    /// <summary>The names of the classes of a classifier; empty for a model that predicts tokens.</summary>
    public string[] Label => Classifier is null ? [] : [.. Classifier.Labels];

    /// <summary>
    /// What its training reported, oldest first; empty for a model that was not trained in this session.
    /// </summary>
    public TrainingEvaluation[] TrainingHistory { get; init; } = [];

    /// <summary>The texts that it wrote after the epochs of its training, oldest first.</summary>
    public string[] TrainingSamples { get; init; } = [];

    /// <summary>
    /// Why its training ended; <see langword="null"/> for a model that was not trained in this session.
    /// </summary>
    public TrainingEnding? TrainingEnding { get; init; }

    /// <summary>Whether the weights are in memory; not so for the path of a cmdlet that has not begun.</summary>
    internal bool IsLoaded => _engine is not null;

    internal bool IsDisposed { get; private set; }

    /// <summary>
    /// The classifier, whose decoder below the head is <see cref="Engine"/>; <see langword="null"/> for a model that predicts tokens.
    /// </summary>
    internal GptClassifier? Classifier { get; }

    internal GptModel Engine => _engine ?? throw new InvalidOperationException($"The model '{Source}' is not loaded.");

    internal ITextTokenizer Tokenizer => Engine.Tokenizer;

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    /// <summary>Frees the weights now; the model can no longer be used.</summary>
    public void Dispose()
    {
        IsDisposed = true;
        _engine?.Dispose();
    }

    /// <summary>Returns a model that is to be loaded from a path.</summary>
    internal static LanguageModel AtPath(string path) => new(path);
}
