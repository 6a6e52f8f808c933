using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Predicts the classes of texts: <c>Get-GptClass</c>.</summary>
[Cmdlet(VerbsCommon.Get, "GptClass", DefaultParameterSetName = TextSet)]
[OutputType(typeof(GptClass))]
public sealed class GetGptClassCommand : TextInputCommand
{
    private const int BatchLength = 4096; // characters

    private readonly WaitingTexts _waiting = new(BatchLength);

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = TextSet)]
    [Parameter(Position = 0, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ParameterSetName = LiteralPathSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <inheritdoc/>
    protected override void BeginProcessing() => Model = RequireClassifier(Model);

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source)
    {
        if (_waiting.Add(text, source, text.Length)) PredictWaiting();
    }

    /// <inheritdoc/>
    protected override void EndProcessing() => PredictWaiting();

    /// <summary>Reports an error in its place: after the results of the texts before it.</summary>
    protected override void WriteError(Exception exception, string id, ErrorCategory category, object? target)
    {
        PredictWaiting();
        base.WriteError(exception, id, category, target);
    }

    private GptClassifier Classifier => Model.Classifier!;

    private void PredictWaiting()
    {
        var texts = _waiting.Take();
        if (texts.Length == 0) return;
        IReadOnlyList<TextPrediction> predictions = [];
        try
        {
            if (texts.Length > 1) predictions = Predict(texts);
        }
        catch (Exception refused) when (refused is ArgumentException or InvalidOperationException)
        {
            WriteDebug($"Each text is predicted alone, so that the error names its text: {refused.Message}");
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }

        for (int i = 0; i < texts.Length; i++)
        {
            var (text, prediction) = (texts[i], predictions.ElementAtOrDefault(i));
            Attempt(
                () => WriteObject(new GptClass(
                    text.Source is null ? text.Text : null, text.Source, text.Index, Classifier, prediction ?? Predict(text)[0])),
                text.Target);
        }

        _waiting.EndBatch();

        IReadOnlyList<TextPrediction> Predict(params WaitingText[] texts) =>
            Classifier.Predict([.. texts.Select(text => text.Text)], StopToken);
    }
}
