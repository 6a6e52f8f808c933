using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MLNet.Gpt.Evaluation.Corpora;
using MLNet.Gpt.Evaluation.Tasks;

namespace MLNet.Gpt;

/// <summary>Evaluates a model on the questions of a task. Thread-safe.</summary>
/// <remarks>
/// Questions are packed into few passes over the model, and the choices of a question share what they have in common. Each question has
/// the same bits as alone.
/// </remarks>
public sealed class TaskEvaluator
{
    private const int CharactersPerToken = 4; // roughly

    private readonly GptModel _model;
    private readonly TaskOptions _options;
    private readonly ContinuationEncoder _encoder;
    private readonly Lazy<TextScorer> _texts;

    /// <summary>Initializes an evaluator for a model.</summary>
    /// <param name="model">The model. Not owned: it must outlive the evaluator.</param>
    /// <param name="options">How questions are scored; the defaults if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The options do not fit the model.</exception>
    public TaskEvaluator(GptModel model, TaskOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _options = options ?? new();
        _encoder = new(model, _options.Continuations.ValidatedFor(model));
        _texts = new(() => new TextScorer(model, _options.Texts));
    }

    /// <summary>Evaluates a task.</summary>
    /// <param name="questions">The questions.</param>
    /// <param name="progress">Receives a report after each pass over a few questions.</param>
    /// <param name="cancellationToken">Cancels the evaluation.</param>
    /// <exception cref="ArgumentException">A question cannot be scored; the message names it.</exception>
    /// <exception cref="InvalidOperationException">A loss is not a number, because weights are NaN or activations overflow.</exception>
    /// <exception cref="OperationCanceledException">The evaluation was canceled.</exception>
    public TaskEvaluation Evaluate(
        IReadOnlyList<TaskQuestion> questions, IProgress<TaskProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var sums = new RunningSums(questions.Count, progress);
        foreach (var results in Run(questions, CorpusShard.Whole, first: 0, cancellationToken)) sums.Add(results);
        return new(sums.Results, CorpusShard.Whole, null);
    }

    /// <summary>Evaluates a task on the thread pool.</summary>
    /// <inheritdoc cref="Evaluate(IReadOnlyList{TaskQuestion}, IProgress{TaskProgress}?, CancellationToken)"/>
    public Task<TaskEvaluation> EvaluateAsync(
        IReadOnlyList<TaskQuestion> questions, IProgress<TaskProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => Evaluate(questions, progress, cancellationToken), cancellationToken);

    /// <summary>
    /// Evaluates a shard of a task, every n-th question, and writes its results to a JSON Lines file as they arrive. An interrupted run
    /// resumes where it stopped; a complete shard is read instead of recomputed. Either way the file and the figures are the same to the
    /// last bit.
    /// </summary>
    /// <param name="questions">All questions of the task.</param>
    /// <param name="folder">The folder of the file; see <see cref="ResultFile"/>.</param>
    /// <param name="shard">Which shard; by default the whole task.</param>
    /// <param name="progress">Receives a report after each pass over a few questions.</param>
    /// <param name="cancellationToken">Cancels the evaluation; what has been written remains.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or belongs to another model, task or set of options.</exception>
    /// <exception cref="IOException">The file cannot be written, or another process is using it.</exception>
    /// <inheritdoc cref="Evaluate(IReadOnlyList{TaskQuestion}, IProgress{TaskProgress}?, CancellationToken)" path="/exception"/>
    public TaskEvaluation Evaluate(
        IReadOnlyList<TaskQuestion> questions, string folder, CorpusShard shard = default, IProgress<TaskProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var header = NewHeader(questions, shard);
        using var file = ShardFile.Open(header.PathIn(folder), header);
        long count = (questions.Count - shard.Index + shard.Count - 1) / shard.Count;
        var sums = new RunningSums(Math.Max(0, count), progress);
        sums.Resume([.. file.ReadQuestions().Select(line => TaskLines.ToResult(line, header.VocabularySize, file.Path))]);
        if (!file.IsComplete)
        {
            foreach (var results in Run(questions, shard, sums.Results.Count, cancellationToken))
            {
                foreach (var result in results) file.Append(TaskLines.Of(result));
                sums.Add(results);
            }

            file.Complete(questions.Count);
        }

        return new(sums.Results, shard, file.Path);
    }

    /// <summary>Evaluates a shard of a task into a file on the thread pool.</summary>
    /// <inheritdoc cref="Evaluate(IReadOnlyList{TaskQuestion}, string, CorpusShard, IProgress{TaskProgress}?, CancellationToken)"/>
    public Task<TaskEvaluation> EvaluateAsync(
        IReadOnlyList<TaskQuestion> questions, string folder, CorpusShard shard = default, IProgress<TaskProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Task.Run(() => Evaluate(questions, folder, shard, progress, cancellationToken), cancellationToken);

    /// <summary>
    /// Returns the path of a shard's result file. Its name consists of a fingerprint of the model's weights, the tokenizer, the options and
    /// the questions, and of the number of the shard.
    /// </summary>
    public string ResultFile(IReadOnlyList<TaskQuestion> questions, string folder, CorpusShard shard = default) =>
        NewHeader(questions, shard).PathIn(folder);

    /// <summary>Answers questions, and yields each result as soon as it is available, in order.</summary>
    /// <param name="questions">The questions; read while they are answered.</param>
    /// <param name="cancellationToken">Cancels the evaluation.</param>
    /// <inheritdoc cref="Evaluate(IReadOnlyList{TaskQuestion}, IProgress{TaskProgress}?, CancellationToken)" path="/exception"/>
    public IEnumerable<TaskResult> EvaluateQuestions(IEnumerable<TaskQuestion> questions, CancellationToken cancellationToken = default) =>
        Run(questions.Select((question, i) => ((long)i, question)), cancellationToken).SelectMany(results => results);

    // Answers the questions of a shard from the given one on; each list is of those that were scored together.
    private IEnumerable<TaskResult[]> Run(
        IReadOnlyList<TaskQuestion> questions, CorpusShard shard, int first, CancellationToken cancellationToken)
    {
        return Run(Indexes().Select(index => (index, questions[(int)index])), cancellationToken);

        IEnumerable<long> Indexes()
        {
            for (long index = shard.Index + ((long)first * shard.Count); index < questions.Count; index += shard.Count) yield return index;
        }
    }

    private IEnumerable<TaskResult[]> Run(IEnumerable<(long Index, TaskQuestion Question)> questions, CancellationToken cancellationToken)
    {
        var waiting = new List<EncodedQuestion>();
        EncodedContinuation? last = null;
        int rows = 0;
        foreach (var (index, question) in questions)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var encoded = Encode(index, question, cancellationToken);
            int added = RowCount(encoded, last);
            if (waiting.Count > 0 && rows + added > _options.Continuations.BatchTokenCount)
            {
                yield return Score(waiting, cancellationToken);
                waiting.Clear();
                (rows, added) = (0, RowCount(encoded, null));
            }

            waiting.Add(encoded);
            rows += added;
            if (encoded.Choices.Length > 0) last = encoded.Choices[^1];
        }

        if (waiting.Count > 0) yield return Score(waiting, cancellationToken);
    }

    // About as many rows as a question adds to a pass: tokens that follow the same ones as before are computed once.
    private static int RowCount(EncodedQuestion question, EncodedContinuation? last)
    {
        if (question.Question.Kind == TaskKind.Text) return question.Question.Choices[0].Text.Length / CharactersPerToken;
        int rows = 0;
        foreach (var choice in question.Choices)
        {
            rows += choice.Ids.Length - (last is null ? 0 : ContinuationBatch.CommonCount(last, choice));
            last = choice;
        }

        return rows;
    }

    private EncodedQuestion Encode(long index, TaskQuestion question, CancellationToken cancellationToken)
    {
        if (question.Kind == TaskKind.Text) return new(index, question, []);
        try
        {
            EncodedContinuation[] choices = _options.Convention == TaskConvention.LlamaCpp
                ? _encoder.EncodeTogether(question.Choices, cancellationToken)
                : [.. question.Choices.Select(each => _encoder.Encode(each.Context, each.Continuation, cancellationToken))];
            return new(index, question, choices);
        }
        catch (ArgumentException error)
        {
            string name = question.Name.Length > 0 ? $" ('{question.Name}')" : "";
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"Question {index + 1}{name} cannot be scored: {error.Message}"),
                nameof(question), error);
        }
    }

    private TaskResult[] Score(List<EncodedQuestion> questions, CancellationToken cancellationToken)
    {
        EncodedContinuation[] all = [.. questions.SelectMany(question => question.Choices)];
        var scores = ContinuationBatch.Score(_model, all, cancellationToken);
        var results = new TaskResult[questions.Count];
        for (int i = 0, next = 0; i < results.Length; i++)
        {
            var (index, question, encoded) = questions[i];
            var choices = new ChoiceScore[encoded.Length];
            for (int choice = 0; choice < choices.Length; choice++, next++)
            {
                var score = new ContinuationScore(_model.Tokenizer, all[next], scores[next]);
                choices[choice] = ChoiceScore.Of(score, question.Choices[choice].Text);
            }

            var text = question.Kind == TaskKind.Text ? _texts.Value.Score(question.Choices[0].Text, cancellationToken) : null;
            results[i] = new(index, question.Name, question.Kind, question.Answer, choices, text);
        }

        return results;
    }

    private ResultHeader NewHeader(IReadOnlyList<TaskQuestion> questions, CorpusShard shard) => new()
    {
        Model = ModelFingerprint.Of(_model),
        Scoring = $"{_options.Convention};{_options.Continuations.Describe(_model)};texts:{_options.Texts.Describe(_model.Config)}",
        Detail = ResultHeader.TaskDetail,
        Corpus = FingerprintOf(questions),
        VocabularySize = _model.Config.VocabularySize,
        Shard = shard.Index,
        ShardCount = shard.Count,
    };

    private static string FingerprintOf(IReadOnlyList<TaskQuestion> questions)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var question in questions)
        {
            Append(question.Name);
            Append(string.Create(CultureInfo.InvariantCulture, $"{question.Kind};{question.Answer};{question.Choices.Count}"));
            foreach (var choice in question.Choices)
            {
                Append(choice.Context);
                Append(choice.Continuation);
                Append(choice.Text);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Append(string text)
        {
            hash.AppendData(BitConverter.GetBytes(text.Length));
            hash.AppendData(Encoding.Unicode.GetBytes(text));
        }
    }

    private sealed record EncodedQuestion(long Index, TaskQuestion Question, EncodedContinuation[] Choices);

    /// <summary>The results so far, and the reports about them.</summary>
    private sealed class RunningSums(long questionCount, IProgress<TaskProgress>? progress)
    {
        private readonly long _start = Stopwatch.GetTimestamp();
        private long _resumed;

        public List<TaskResult> Results { get; } = [];

        public TaskMetrics Metrics { get; private set; } = TaskMetrics.Empty;

        public void Resume(IReadOnlyList<TaskResult> results)
        {
            Append(results);
            _resumed = results.Count;
        }

        public void Add(IReadOnlyList<TaskResult> results)
        {
            Append(results);
            if (progress is null) return;
            var elapsed = Stopwatch.GetElapsedTime(_start);
            double done = Results.Count - _resumed;
            TimeSpan? left = done > 0 ? elapsed * ((questionCount - Results.Count) / done) : null;
            progress.Report(new(Metrics, questionCount, elapsed, left));
        }

        private void Append(IReadOnlyList<TaskResult> results)
        {
            Results.AddRange(results);
            if (progress is null) return;
            foreach (var result in results) Metrics += TaskMetrics.Of(result);
        }
    }
}
