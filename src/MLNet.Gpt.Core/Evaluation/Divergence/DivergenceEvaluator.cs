using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Corpora;
using MLNet.Gpt.Evaluation.Divergence;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// Measures how much a model's predictions differ from those of a reference model with the same vocabulary, in one pass over a corpus of
/// any size. Thread-safe.
/// </summary>
/// <remarks>
/// Both models read the same windows, and their logits are compared as they are computed, a chunk of the vocabulary at a time; none are
/// stored. Memory does not grow with the corpus.
/// </remarks>
public sealed class DivergenceEvaluator
{
    private readonly GptModel _reference, _model;
    private readonly CorpusEvaluator _evaluator;

    /// <summary>Initializes an evaluator for two models.</summary>
    /// <param name="reference">The model whose predictions count as right. Not owned: it must outlive the evaluator.</param>
    /// <param name="model">The model to compare with it, which must also outlive the evaluator.</param>
    /// <param name="scoring">
    /// How texts are measured; the defaults if <see langword="null"/>. Windows are those of the model with the shorter context unless their
    /// length is set.
    /// </param>
    /// <param name="options">How the evaluation runs; the defaults if <see langword="null"/>. Tokens are not kept.</param>
    /// <exception cref="ArgumentException">
    /// The models have different vocabularies, the options do not fit one of them, or tokens are to be kept.
    /// </exception>
    public DivergenceEvaluator(GptModel reference, GptModel model, ScoringOptions? scoring = null, CorpusOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(model);
        CheckVocabularies(reference, model);
        if (options?.Tokens is not null)
        {
            throw new ArgumentException($"{nameof(CorpusOptions.Tokens)} is set, but a comparison keeps no tokens.", nameof(options));
        }

        scoring ??= new();
        int shorter = Math.Min(scoring.WindowLengthFor(reference.Config), scoring.WindowLengthFor(model.Config));
        scoring = (scoring with { WindowLength = shorter }).ValidatedFor(reference.Config, reference.Tokenizer);
        (_reference, _model) = (reference, model);
        _evaluator = new(model, scoring, options, reference);
    }

    /// <summary>Compares the models on a corpus.</summary>
    /// <param name="corpus">The corpus; read once, or twice where progress is reported.</param>
    /// <param name="progress">Receives a report with the model's metrics after each chunk of about 1,000 tokens.</param>
    /// <param name="cancellationToken">Cancels the evaluation.</param>
    /// <exception cref="InvalidOperationException">A loss is not a number, because weights are NaN or activations overflow.</exception>
    /// <exception cref="OperationCanceledException">The evaluation was canceled.</exception>
    public ModelDivergence Evaluate(
        Corpus corpus, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var totals = NewTotals();
        _evaluator.Evaluate(corpus, totals.Add, progress, cancellationToken);
        return new(totals, CorpusShard.Whole, null);
    }

    /// <summary>Compares the models on a corpus on the thread pool.</summary>
    /// <inheritdoc cref="Evaluate(Corpus, IProgress{EvaluationProgress}?, CancellationToken)" path="/param|/exception"/>
    public Task<ModelDivergence> EvaluateAsync(
        Corpus corpus, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => Evaluate(corpus, progress, cancellationToken), cancellationToken);

    /// <summary>
    /// Compares the models on a shard of a corpus and writes the results to a JSON Lines file as they arrive. An interrupted run resumes
    /// where it stopped; a complete shard is read instead of recomputed. Either way the file and the figures are the same to the last bit.
    /// </summary>
    /// <param name="corpus">The corpus; read twice.</param>
    /// <param name="folder">The folder of the file; see <see cref="ResultFile"/>.</param>
    /// <param name="shard">Which shard; by default the whole corpus.</param>
    /// <param name="progress">Receives a report with the model's metrics after each chunk of about 1,000 tokens.</param>
    /// <param name="cancellationToken">Cancels the evaluation; what has been written remains.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or belongs to other models, another text or set of options.</exception>
    /// <exception cref="IOException">The file cannot be written, or another process is using it.</exception>
    /// <exception cref="OperationCanceledException">The evaluation was canceled.</exception>
    public ModelDivergence Evaluate(
        Corpus corpus, string folder, CorpusShard shard = default, IProgress<EvaluationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var totals = NewTotals();
        var evaluation = _evaluator.Evaluate(corpus, folder, shard, totals.Add, progress, cancellationToken);
        return new(totals, shard, evaluation.ResultFile);
    }

    /// <summary>Compares the models on a shard of a corpus into a file on the thread pool.</summary>
    /// <inheritdoc
    /// cref="Evaluate(Corpus, string, CorpusShard, IProgress{EvaluationProgress}?, CancellationToken)"
    /// path="/param|/exception"/>
    public Task<ModelDivergence> EvaluateAsync(
        Corpus corpus, string folder, CorpusShard shard = default, IProgress<EvaluationProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Task.Run(() => Evaluate(corpus, folder, shard, progress, cancellationToken), cancellationToken);

    /// <summary>
    /// Compares the models on rows of ids as in a training batch, each input with its target. Rows are used as they are, without windows or
    /// a start token.
    /// </summary>
    /// <param name="inputs">
    /// The input ids, row by row; each row at most as long as the shorter context. Rows may differ in length.
    /// </param>
    /// <param name="targets">For each input the id to predict, in the same shape. A negative one is not scored.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="ArgumentException">The shapes differ, or a row is longer than a context.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="OperationCanceledException">The computation was canceled.</exception>
    public ModelDivergence EvaluateBatch(
        IReadOnlyList<int[]> inputs, IReadOnlyList<int[]> targets, CancellationToken cancellationToken = default)
    {
        if (!inputs.Select(row => row.Length).SequenceEqual(targets.Select(row => row.Length)))
        {
            throw new ArgumentException("Inputs and targets have different shapes; each input needs one target.", nameof(targets));
        }

        int shorter = Math.Min(_reference.Config.ContextLength, _model.Config.ContextLength);
        foreach (int[] row in inputs)
        {
            if (row.Length > shorter)
            {
                throw new ArgumentException(
                    $"A row has {Quantity.Of(row.Length, "id")}; the shorter context length is {shorter}.", nameof(inputs));
            }
        }

        foreach (int[] row in targets) TokenIds.Validate([.. row.Where(id => id >= 0)], _model.Config.VocabularySize, nameof(targets));
        var totals = NewTotals();
        totals.Add(_evaluator.Compare(inputs, targets, cancellationToken));
        return new(totals, CorpusShard.Whole, null);
    }

    /// <summary>
    /// Returns the path of a shard's result file. Its name consists of a fingerprint of both models, the tokenizer, the options and the
    /// corpus, and of the number of the shard.
    /// </summary>
    public string ResultFile(Corpus corpus, string folder, CorpusShard shard = default) => _evaluator.ResultFile(corpus, folder, shard);

    private static void CheckVocabularies(GptModel reference, GptModel model)
    {
        int size = reference.Config.VocabularySize;
        if (size != model.Config.VocabularySize)
        {
            throw new ArgumentException(
                $"The reference predicts {size:D} tokens and the model {model.Config.VocabularySize:D}; "
                + "only models with the same vocabulary can be compared.",
                nameof(model));
        }

        var (left, right) = (reference.Tokenizer, model.Tokenizer);
        if (ReferenceEquals(left, right) || ModelFingerprint.Of(left) == ModelFingerprint.Of(right)) return;
        int? different = null;
        for (int id = 0; id < size && different is null; id++)
        {
            if (left.ByteCount(id) != right.ByteCount(id) || left.Decode([id]) != right.Decode([id])) different = id;
        }

        throw new ArgumentException(
            different is { } first
                ? $"The models have different vocabularies: id {first} is '{left.Decode([first])}' for the reference and "
                    + $"'{right.Decode([first])}' for the model."
                : "The models have different vocabularies: another token begins or ends a text.",
            nameof(model));
    }

    private DivergenceTotals NewTotals() => new(_model.Config.VocabularySize);
}
