using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet that measures each of its texts.</summary>
public abstract class ScoringCommand : TextInputCommand
{
    private static readonly ParameterNames Names = new(
        typeof(ScoringOptions), (nameof(ScoringOptions.SpecialTokens), nameof(SpecialToken)));

    /// <summary>Tokens that the model is given at once.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int WindowLength { get; set; }

    /// <summary>Tokens from the start of a window to that of the next.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int Stride { get; set; }

    /// <summary>Where the last window begins.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public LastWindow LastWindow { get; set; } = LastWindow.OnStride;

    /// <summary>Puts the end-of-text token before each text, so that its first token is predicted as well.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public SwitchParameter PrependEndOfText { get; set; }

    /// <summary>How the spelling of a special token in a text is read.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public SpecialTokens SpecialToken { get; set; } = SpecialTokens.Recognized;

    /// <summary>Returns how the parameters say that texts are measured.</summary>
    private protected ScoringOptions CreateScoring() =>
        ScoringParameters.Options(WindowLength, Stride, LastWindow, PrependEndOfText, SpecialToken);

    /// <summary>Returns an evaluator; ends the command if the parameters do not fit the model.</summary>
    private protected CorpusEvaluator CreateEvaluator(LanguageModel model, ScoringOptions scoring, TokenOptions? tokens)
    {
        try
        {
            return new(model.Engine, scoring, new() { Tokens = tokens });
        }
        catch (ArgumentException invalid)
        {
            RefuseScoring(invalid, model);
            throw;
        }
    }

    /// <summary>Ends the command because the parameters do not fit a model.</summary>
    private protected void RefuseScoring(ArgumentException refused, LanguageModel model)
    {
        bool hasNoStart = PrependEndOfText && model.Tokenizer.BeginningOfTextId is null;
        Terminate(Names.Restate(refused), hasNoStart ? "NoEndOfText" : "OptionsRefused", ErrorCategory.InvalidArgument, model);
    }
}
