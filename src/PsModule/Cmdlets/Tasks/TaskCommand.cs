using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet that asks models the questions of tasks.</summary>
public abstract class TaskCommand : ModelCommand
{
    /// <summary>The parameter set of files by wildcard.</summary>
    protected const string PathSet = "Path";

    /// <summary>The parameter set of files by exact path.</summary>
    protected const string LiteralPathSet = "LiteralPath";

    /// <summary>The parameter set of result files.</summary>
    protected const string ResultSet = "Result";

    private static readonly ParameterNames Names = new(
        typeof(ContinuationOptions), (nameof(ContinuationOptions.SpecialTokens), nameof(SpecialToken)));

    /// <summary>Files of questions; wildcards are resolved. Each file is one task.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [SupportsWildcards]
    public virtual string[] Path { get; set; } = [];

    /// <summary>Files of questions, taken literally.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "FullName")]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>How the files contain the questions; their content determines it by default.</summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public TaskLayout Layout { get; set; } = TaskLayout.Detect;

    /// <summary>Which tokens of a question are scored.</summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public TaskConvention Convention { get; set; } = TaskConvention.Harness;

    /// <summary>Tokens that the model sees at most; of a longer question, the last ones.</summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int WindowLength { get; set; }

    /// <summary>How the spelling of a special token in a question is read.</summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public SpecialTokens SpecialToken { get; set; } = SpecialTokens.Recognized;

    /// <summary>The fraction of samples whose interval contains the true figure.</summary>
    [Parameter]
    [ValidateRange(0.5, 0.9999)]
    public double Confidence { get; set; } = new ComparisonOptions().Confidence;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == ResultSet) return;
        bool isLiteral = ParameterSetName == LiteralPathSet;
        foreach (string file in ResolveFiles(isLiteral ? LiteralPath : Path, isLiteral))
        {
            try
            {
                ProcessTask(file, TaskFile.Read(file, Layout, StopToken));
            }
            catch (OperationCanceledException) when (Stopping)
            {
                throw new PipelineStoppedException();
            }
            catch (InvalidDataException invalid)
            {
                WriteError(invalid, "TaskInvalid", ErrorCategory.InvalidData, file);
            }
            catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
            {
                WriteError(failed, "FileFailed", ErrorCategory.ReadError, file);
            }
        }
    }

    /// <summary>Processes one task.</summary>
    /// <param name="file">The file that it was read from.</param>
    /// <param name="questions">Its questions.</param>
    protected abstract void ProcessTask(string file, IReadOnlyList<TaskQuestion> questions);

    /// <summary>Returns an evaluator; ends the command if the parameters do not fit the model.</summary>
    private protected TaskEvaluator CreateEvaluator(GptModel model)
    {
        try
        {
            return new(model, new()
            {
                Convention = Convention,
                Continuations = new() { WindowLength = WindowLength == 0 ? null : WindowLength, SpecialTokens = SpecialToken },
            });
        }
        catch (ArgumentException invalid)
        {
            Terminate(Names.Restate(invalid), "OptionsRefused", ErrorCategory.InvalidArgument, model);
            throw;
        }
    }
}
