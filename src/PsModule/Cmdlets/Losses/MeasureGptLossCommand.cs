using System.Management.Automation;
using System.Text;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Jobs;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Measures a corpus, or adds up what was measured in parts: <c>Measure-GptLoss</c>.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "GptLoss", DefaultParameterSetName = LossSet)]
[OutputType(typeof(GptLoss), typeof(GptJob))]
public sealed class MeasureGptLossCommand : ModelCommand
{
    private const string LossSet = "Loss";
    private const string CorpusSet = "Corpus";
    private const string CorpusLiteralSet = "CorpusLiteral";
    private const string ResultSet = "Result";
    private const string ResponseSet = "Response";

    private static readonly ParameterNames Names = new(typeof(BootstrapOptions));

    private readonly List<string> _files = [];
    private readonly List<LanguageModelMetrics> _losses = [];
    private readonly List<InstructionExample> _examples = [];

    private BootstrapOptions _bootstrap = null!;

    /// <summary>
    /// Losses as <c>Get-GptLoss</c> writes them; also as they come back from jobs, other machines and files. With -ResponseProperty,
    /// rows of instructions and responses.
    /// </summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = LossSet)]
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ResponseSet)]
    public PSObject[] InputObject { get; set; } = [];

    /// <summary>
    /// Result files that were written with -ResultFolder, those of all shards; wildcards are resolved.
    /// </summary>
    [Parameter(Mandatory = true, ParameterSetName = ResultSet)]
    [SupportsWildcards]
    public string[] ResultPath { get; set; } = [];

    /// <inheritdoc/>
    [Parameter(ParameterSetName = LossSet)]
    [Parameter(Position = 1, ParameterSetName = CorpusSet)]
    [Parameter(Position = 1, ParameterSetName = CorpusLiteralSet)]
    [Parameter(ParameterSetName = ResultSet)]
    [Parameter(Position = 0, ParameterSetName = ResponseSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <summary>
    /// Files of text that are the corpus; wildcards are resolved, and files go in the order of their names.
    /// </summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = CorpusSet)]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    /// <summary>Files of text that are the corpus, taken literally; files from the pipeline bind here.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = CorpusLiteralSet)]
    [Alias("PSPath", "FullName")]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>The encoding of files without a byte order mark; UTF-8 by default.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    [EncodingArgument]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding? Encoding { get; set; }

    /// <summary>Makes each line of the files a document.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    public SwitchParameter ByLine { get; set; }

    /// <summary>Whether windows reach from one document into the next.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    public DocumentBoundaries Document { get; set; } = DocumentBoundaries.Separate;

    /// <summary>Tokens that the model is given at once.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    [ValidateRange(1, int.MaxValue)]
    public int WindowLength { get; set; }

    /// <summary>Tokens from the start of a window to that of the next.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    [ValidateRange(1, int.MaxValue)]
    public int Stride { get; set; }

    /// <summary>Where the last window begins.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    public LastWindow LastWindow { get; set; } = LastWindow.OnStride;

    /// <summary>Puts the end-of-text token before each document.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    public SwitchParameter PrependEndOfText { get; set; }

    /// <summary>How the spelling of a special token in a text is read.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    public SpecialTokens SpecialToken { get; set; } = SpecialTokens.Recognized;

    /// <summary>Where results are written while they come; what is there already is not computed again.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    public string? ResultFolder { get; set; }

    /// <summary>Keeps every token in the result file.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    public SwitchParameter PerToken { get; set; }

    /// <summary>The shard to measure, from 1 to -ShardCount.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    [ValidateRange(1, int.MaxValue)]
    public int Shard { get; set; } = 1;

    /// <summary>Into how many shards the work is cut.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    [ValidateRange(1, int.MaxValue)]
    public int ShardCount { get; set; } = 1;

    /// <summary>Writes also what simple predictors make of the same tokens.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    public SwitchParameter Baseline { get; set; }

    /// <summary>Files of training text, whose token frequencies are one more baseline.</summary>
    [Parameter(ParameterSetName = CorpusSet)]
    [Parameter(ParameterSetName = CorpusLiteralSet)]
    [SupportsWildcards]
    public string[] TrainingPath { get; set; } = [];

    /// <summary>The property of a row that is the response; the loss of all rows' responses is measured.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ResponseSet)]
    public string ResponseProperty { get; set; } = "";

    /// <summary>The property of a row that is the instruction; by default Instruction or Prompt.</summary>
    [Parameter(ParameterSetName = ResponseSet)]
    public string? PromptProperty { get; set; }

    /// <summary>The property of a row that the instruction is about; by default Input, which may be missing or empty.</summary>
    [Parameter(ParameterSetName = ResponseSet)]
    public string? InputProperty { get; set; }

    /// <summary>How instructions and responses are written: the name of a template, or a text with placeholders.</summary>
    [Parameter(ParameterSetName = ResponseSet)]
    [ArgumentCompleter(typeof(TemplateCompleter))]
    public string? Template { get; set; }

    /// <summary>The confidence of the intervals.</summary>
    [Parameter]
    public double Confidence { get; set; } = new BootstrapOptions().Confidence;

    /// <summary>The number of resamples that the intervals come from.</summary>
    [Parameter]
    public int ResampleCount { get; set; } = new BootstrapOptions().ResampleCount;

    /// <summary>The seed of the resampling.</summary>
    [Parameter]
    public long Seed { get; set; } = new BootstrapOptions().Seed;

    /// <summary>Measures in the background, and returns a job.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        // Only files need a model, and whether there are any depends on what comes through the pipeline.
        if (PerToken && ResultFolder is null) RefuseWithout(nameof(PerToken), nameof(ResultFolder));
        CheckShard(Shard, ShardCount);
        try
        {
            _bootstrap = new() { Confidence = Confidence, ResampleCount = ResampleCount, Seed = Seed };
        }
        catch (ArgumentException refused)
        {
            Terminate(Names.Restate(refused), "OptionsRefused", ErrorCategory.InvalidArgument, null);
        }
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        switch (ParameterSetName)
        {
            case LossSet:
                foreach (var item in InputObject)
                {
                    if (PathOf(item) is { } path) _files.AddRange(ResolveFiles([path], literal: true));
                    else Add(item);
                }

                break;
            case ResponseSet:
                foreach (var row in InputObject)
                {
                    Attempt(
                        () => _examples.Add(RowReader.Instruction(row, _examples.Count, PromptProperty, InputProperty, ResponseProperty)),
                        row);
                }

                break;
            case CorpusSet:
                _files.AddRange(ResolveFiles(Path, literal: false));
                break;
            case CorpusLiteralSet:
                _files.AddRange(ResolveFiles(LiteralPath, literal: true));
                break;
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        try
        {
            bool measures = _files.Count > 0 || ParameterSetName is CorpusSet or CorpusLiteralSet;
            if (AsJob && !measures) RefuseParameter(nameof(AsJob), "-AsJob has no effect without files to measure.");
            if (AsJob) StartJob();
            else if (ParameterSetName == ResultSet) Write(CorpusResults.Merge(ResolveFiles(ResultPath, literal: false)));
            else if (AreResults()) Write(CorpusResults.Merge(_files));
            else if (measures) MeasureCorpus();
            else if (_examples.Count > 0) MeasureResponses();
            else if (_losses.Count > 0) WriteObject(new GptLoss(Sum(), source: null, _bootstrap));
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (InvalidDataException invalid)
        {
            Terminate(invalid, "ResultFileInvalid", ErrorCategory.InvalidData, (object?)ResultFolder ?? ResultPath);
        }
        catch (ArgumentException refused)
        {
            bool merges = ParameterSetName == ResultSet;
            string id = merges ? "ResultsNotMerged" : "InputRefused";
            Terminate(ParameterNames.Plain(refused), id, ErrorCategory.InvalidArgument, merges ? ResultPath : _files);
        }
        catch (ObjectDisposedException)
        {
            Terminate(Disposed("The model"), "ModelDisposed", ErrorCategory.InvalidOperation, Model);
        }
        catch (InvalidOperationException notNumber)
        {
            Terminate(notNumber, "NotANumber", ErrorCategory.InvalidResult, Model);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            Terminate(failed, "FileFailed", ErrorCategory.ReadError, (object?)ResultFolder ?? _files);
        }
    }

    // Files from the pipeline, such as those of Get-ChildItem results/*.jsonl, can be results; with a model given they are
    // texts.
    private bool AreResults()
    {
        if (!MyInvocation.ExpectingInput || MyInvocation.BoundParameters.ContainsKey(nameof(Model))) return false;
        string[] results = [.. _files.Where(CorpusResults.IsResultFile)];
        return results.Length == 0 || results.Length == _files.Count
            ? results.Length > 0
            : throw new ArgumentException(
                $"'{results[0]}' is a result file, and '{_files.Except(results).First()}' is not; "
                + "merge results and measure texts in separate calls.");
    }

    private void StartJob()
    {
        Model = Require(Model);
        if (_files.Count == 0) throw new ArgumentException("There is no file to measure.");
        WriteObject(GptJob.Start(this, new Dictionary<string, object?>
        {
            [nameof(InputObject)] = null,
            [nameof(Path)] = null,
            [nameof(LiteralPath)] = _files.ToArray(),
            [nameof(Model)] = Model,
            [nameof(ResultFolder)] = ResultFolder is null ? null : GetUnresolvedProviderPathFromPSPath(ResultFolder),
            [nameof(TrainingPath)] = TrainingPath.Length == 0 ? null : ResolveFiles(TrainingPath, literal: false).ToArray(),
        }));
    }

    private void MeasureCorpus()
    {
        Model = Require(Model);
        var corpus = CorpusOf(_files);
        var scoring = ScoringParameters.Options(WindowLength, Stride, LastWindow, PrependEndOfText, SpecialToken, Document);
        var evaluator = new CorpusEvaluator(Model.Engine, scoring, new() { Tokens = PerToken ? new() : null });
        if (ResultFolder is null && ShardCount > 1)
        {
            throw new ArgumentException("A shard's result goes into a file, so that it can be merged with the others; give -ResultFolder.");
        }

        var progress = new EvaluationReporter(this, Model.Name);
        progress.Begin(isWhole: true);
        Write(ResultFolder is null
            ? evaluator.Evaluate(corpus, progress, StopToken)
            : evaluator.Evaluate(
                corpus, GetUnresolvedProviderPathFromPSPath(ResultFolder), new CorpusShard(Shard - 1, ShardCount), progress, StopToken));
        progress.End();
        progress.Complete();
        if (Baseline || TrainingPath.Length > 0) WriteBaselines(corpus, scoring);
    }

    private void MeasureResponses()
    {
        Model = Require(Model);
        var template = Template is null ? PromptTemplate.Of(Model.Tokenizer) : PromptTemplate.Parse(Template);
        var scorer = new ResponseScorer(Model.Engine, new() { Template = template });
        WriteObject(new GptLoss(
            LanguageModelMetrics.MergeDocuments(scorer.Score(_examples, StopToken).Select(response => response.Metrics)), source: null,
            _bootstrap));
    }

    private void WriteBaselines(Corpus corpus, ScoringOptions scoring)
    {
        var unigram = TrainingPath.Length == 0
            ? null
            : UnigramModel.Train(CorpusOf(ResolveFiles(TrainingPath, literal: false)), Model.Tokenizer, SpecialToken, StopToken);
        foreach (var (name, metrics) in TextBaselines.Measure(corpus, Model.Tokenizer, scoring, unigram, StopToken).All)
        {
            WriteObject(new GptLoss(metrics, source: name));
        }
    }

    // Files go in the order of their names, so that shards on different machines agree. They are read ahead once, since
    // a bad one cannot be reported and left out when the evaluation comes to it.
    private Corpus CorpusOf(IEnumerable<string> paths)
    {
        string[] files = [.. paths.Where(IsText).OrderBy(System.IO.Path.GetFileName, StringComparer.Ordinal)];
        if (files.Length == 0) throw new ArgumentException("There is no file to measure.");
        return ByLine ? Corpus.FromTexts(files.SelectMany(file => TextFile.ReadLines(file, Encoding))) : Corpus.FromFiles(files, Encoding);
    }

    private bool IsText(string file) => TryRead(
        file,
        () =>
        {
            foreach (string line in TextFile.ReadLines(file, Encoding)) StopToken.ThrowIfCancellationRequested();
        });

    private void Write(CorpusEvaluation result) => WriteObject(
        new GptLoss(result.Metrics, source: null, _bootstrap)
        {
            CalibrationError = result.Statistics.Calibration.ExpectedError, ResultFile = result.ResultFile,
        });

    // A file is measured; it binds here where no other parameter speaks of a corpus.
    private static string? PathOf(PSObject item) =>
        item.BaseObject is FileSystemInfo file ? file.FullName
        : item.Properties[nameof(GptLoss.ExactSum)] is null ? TextArgumentAttribute.PathNames
            .Select(name => item.Properties[name]?.Value?.ToString())
            .FirstOrDefault(path => !string.IsNullOrEmpty(path))
        : null;

    private void Add(PSObject item)
    {
        if (Read(item) is not { } metrics) return;
        if (_losses.Count > 0 && _losses[0].VocabularySize is var size && size != metrics.VocabularySize)
        {
            WriteError(
                new InvalidOperationException(
                    $"A loss over a vocabulary of {metrics.VocabularySize} cannot be added to losses over one of {size}."),
                "VocabularyMismatch", ErrorCategory.InvalidData, item);
            return;
        }

        _losses.Add(metrics);
    }

    // Losses come in any order from parallel runspaces; in order of their sums they always give the same interval. There is none for losses
    // that are themselves sums.
    private LanguageModelMetrics Sum() => _losses.TrueForAll(loss => loss.DocumentCount == 1)
        ? LanguageModelMetrics.MergeDocuments(_losses.OrderBy(loss => loss.ToExactString(), StringComparer.Ordinal))
        : LanguageModelMetrics.Merge(_losses);

    private LanguageModelMetrics? Read(PSObject item)
    {
        if (item.BaseObject is GptLoss loss) return loss.Metrics;
        try
        {
            return new(
                LossSummary.ParseExact(StoredProperty.Read<string>(item, nameof(GptLoss.ExactSum))),
                StoredProperty.Read<int>(item, nameof(GptLoss.VocabularySize)))
            {
                ByteCount = StoredProperty.Read<long>(item, nameof(GptLoss.ByteCount)),
                CharacterCount = StoredProperty.Read<long>(item, nameof(GptLoss.CharacterCount)),
                WordCount = StoredProperty.Read<long>(item, nameof(GptLoss.WordCount)),
                Top1Count = StoredProperty.Read<long>(item, nameof(GptLoss.Top1Count)),
                Top5Count = StoredProperty.Read<long>(item, nameof(GptLoss.Top5Count)),
                DocumentCount = StoredProperty.Read<long>(item, nameof(GptLoss.DocumentCount)),
            };
        }
        catch (Exception wrong) when (wrong is PSInvalidCastException or FormatException or MissingMemberException)
        {
            WriteError(
                new ArgumentException($"This is not a loss as Get-GptLoss writes it: {wrong.Message}", wrong),
                "NotALoss",
                ErrorCategory.InvalidData,
                item);
            return null;
        }
    }
}
