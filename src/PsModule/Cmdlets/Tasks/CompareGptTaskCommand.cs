using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Compares two models on the questions of tasks: <c>Compare-GptTask</c>.</summary>
[Cmdlet(VerbsData.Compare, "GptTask", DefaultParameterSetName = PathSet)]
[OutputType(typeof(GptTaskComparison))]
public sealed class CompareGptTaskCommand : TaskCommand
{
    private static readonly ParameterNames Names = new(typeof(ComparisonOptions));

    private ComparisonOptions _options = null!;

    /// <summary>The model that the other is compared with.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = LiteralPathSet)]
    [ModelArgument(nameof(ReferenceModel))]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public LanguageModel ReferenceModel { get; set; } = null!;

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = PathSet)]
    [Parameter(Position = 1, ParameterSetName = LiteralPathSet)]
    [ModelArgument(nameof(Model))]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <summary>The result files of the reference model, those of all shards.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ResultSet)]
    [SupportsWildcards]
    public string[] ReferenceResultPath { get; set; } = [];

    /// <summary>The result files of the other model, those of all shards.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ResultSet)]
    [SupportsWildcards]
    public string[] ResultPath { get; set; } = [];

    /// <summary>What likelihoods are divided by before choices are compared.</summary>
    [Parameter]
    public TaskNormalization Normalization { get; set; } = TaskNormalization.None;

    /// <summary>The number of resamples.</summary>
    [Parameter]
    public int ResampleCount { get; set; } = new ComparisonOptions().ResampleCount;

    /// <summary>The seed of the resampling.</summary>
    [Parameter]
    public long Seed { get; set; } = new ComparisonOptions().Seed;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        try
        {
            _options = new() { Confidence = Confidence, ResampleCount = ResampleCount, Seed = Seed };
        }
        catch (ArgumentException refused)
        {
            Terminate(Names.Restate(refused), "OptionsRefused", ErrorCategory.InvalidArgument, null);
        }

        if (ParameterSetName == ResultSet) return;
        ReferenceModel = Require(ReferenceModel);
        base.BeginProcessing();
        foreach (var model in (LanguageModel[])[ReferenceModel, Model]) _ = CreateEvaluator(model.Engine);
    }

    /// <inheritdoc/>
    protected override void ProcessTask(string file, IReadOnlyList<TaskQuestion> questions) => Attempt(
        () =>
        {
            var (reference, other) = (Ask(ReferenceModel), Ask(Model));
            Write(file, ReferenceModel.Name, reference, Model.Name, other);

            IReadOnlyList<TaskResult> Ask(LanguageModel model)
            {
                var progress = new TaskReporter(this, System.IO.Path.GetFileName(file), model.Name);
                var results = CreateEvaluator(model.Engine).Evaluate(questions, progress, StopToken).Results;
                progress.Complete();
                return results;
            }
        },
        file);

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (ParameterSetName != ResultSet) return;
        try
        {
            string[] reference = [.. ResolveFiles(ReferenceResultPath, literal: false)];
            string[] other = [.. ResolveFiles(ResultPath, literal: false)];
            if (reference.Length == 0 || other.Length == 0) return; // reported already
            Write(
                null, string.Join(", ", ReferenceResultPath), TaskEvaluation.Merge(reference).Results,
                string.Join(", ", ResultPath), TaskEvaluation.Merge(other).Results);
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (ArgumentException refused)
        {
            Terminate(ParameterNames.Plain(refused), "ComparisonRefused", ErrorCategory.InvalidArgument, null);
        }
        catch (InvalidDataException invalid)
        {
            Terminate(invalid, "ResultFileInvalid", ErrorCategory.InvalidData, ResultPath);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            Terminate(failed, "FileFailed", ErrorCategory.ReadError, ResultPath);
        }
    }

    private void Write(
        string? source, string referenceName, IReadOnlyList<TaskResult> reference, string name, IReadOnlyList<TaskResult> other)
    {
        bool areSame = reference.Count == other.Count && reference.Zip(other).All(pair =>
            (pair.First.Name, pair.First.Kind, pair.First.Answer, pair.First.Choices.Count)
            == (pair.Second.Name, pair.Second.Kind, pair.Second.Answer, pair.Second.Choices.Count));
        if (!areSame) throw new ArgumentException($"'{referenceName}' and '{name}' are results of different questions.");
        (TaskResult Reference, TaskResult Other)[] pairs = [.. reference.Zip(other).Where(pair => pair.First.IsRight is not null)];
        if (pairs.Length < 2)
        {
            throw new ArgumentException(FormattableString.Invariant(
                $"A comparison takes at least 2 questions whose answer is known; there are {pairs.Length}. Texts: Compare-GptLoss."));
        }

        double[] first = [.. pairs.Select(pair => IsRight(pair.Reference) ? 1.0 : 0)];
        double[] second = [.. pairs.Select(pair => IsRight(pair.Other) ? 1.0 : 0)];
        WriteObject(new GptTaskComparison(
            source, referenceName, name, Normalization,
            McNemarTest.Of([.. first.Select(each => each > 0)], [.. second.Select(each => each > 0)]),
            PairedComparison.FromValues(first, second, higherIsBetter: true, _options, StopToken),
            PairedComparison.FromValues(
                [.. pairs.Select(pair => LogLikelihood(pair.Reference))], [.. pairs.Select(pair => LogLikelihood(pair.Other))],
                higherIsBetter: true, _options, StopToken)));

        bool IsRight(TaskResult result) => result.IsRightBy(Normalization) == true;
    }

    // That of the right choice.
    private static double LogLikelihood(TaskResult result) => result.Choices[result.Answer!.Value].LogLikelihood;
}
