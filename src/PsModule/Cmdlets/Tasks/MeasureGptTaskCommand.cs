using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Asks a model the questions of tasks: <c>Measure-GptTask</c>.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "GptTask", DefaultParameterSetName = PathSet)]
[OutputType(typeof(GptTaskScore), typeof(GptTaskAnswer))]
public sealed class MeasureGptTaskCommand : TaskCommand
{
    /// <inheritdoc/>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [SupportsWildcards]
    public override string[] Path { get; set; } = [];

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ParameterSetName = LiteralPathSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <summary>The result files of a task, those of all shards.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ResultSet)]
    [SupportsWildcards]
    public string[] ResultPath { get; set; } = [];

    /// <summary>Writes what was answered to each question in place of the score.</summary>
    [Parameter]
    public SwitchParameter PerQuestion { get; set; }

    /// <summary>Where results are written while they come; what is there already is not computed again.</summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public string? ResultFolder { get; set; }

    /// <summary>The shard to measure, from 1 to -ShardCount.</summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int Shard { get; set; } = 1;

    /// <summary>Into how many shards the questions are divided.</summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int ShardCount { get; set; } = 1;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (ParameterSetName == ResultSet) return;
        CheckShard(Shard, ShardCount);
        if (ShardCount > 1 && ResultFolder is null) RefuseWithout(nameof(ShardCount), nameof(ResultFolder));

        base.BeginProcessing();
        _ = CreateEvaluator(Model.Engine);
    }

    /// <inheritdoc/>
    protected override void ProcessTask(string file, IReadOnlyList<TaskQuestion> questions) => Attempt(
        () =>
        {
            var evaluator = CreateEvaluator(Model.Engine);
            var progress = new TaskReporter(this, System.IO.Path.GetFileName(file), Model.Name);
            var shard = new CorpusShard(Shard - 1, ShardCount);
            var result = ResultFolder is null
                ? evaluator.Evaluate(questions, progress, StopToken)
                : evaluator.Evaluate(questions, GetUnresolvedProviderPathFromPSPath(ResultFolder), shard, progress, StopToken);
            progress.Complete();
            Write(result, file, Model.Name, questions);
        },
        file);

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (ParameterSetName != ResultSet) return;
        try
        {
            string[] files = [.. ResolveFiles(ResultPath, literal: false)];
            if (files.Length > 0) Write(TaskEvaluation.Merge(files), string.Join(", ", ResultPath), model: null, questions: null);
        }
        catch (ArgumentException refused)
        {
            Terminate(ParameterNames.Plain(refused), "ResultsNotMerged", ErrorCategory.InvalidArgument, ResultPath);
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

    private void Write(TaskEvaluation result, string source, string? model, IReadOnlyList<TaskQuestion>? questions)
    {
        if (!PerQuestion)
        {
            WriteObject(new GptTaskScore(source, model, result, Confidence));
            return;
        }

        foreach (var each in result.Results) WriteObject(new GptTaskAnswer(source, each, questions?[(int)each.Index]));
    }
}
