using System.Management.Automation;
using MLNet.Gpt.Evaluation;
using MLNet.Gpt.Loss;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Adds losses up: <c>Measure-GptLoss</c>.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "GptLoss")]
[OutputType(typeof(GptLoss))]
public sealed class MeasureGptLossCommand : GptCommand
{
    private DocumentScore _total = DocumentScore.Empty;
    private int? _vocabularySize;

    /// <summary>Losses as <c>Get-GptLoss</c> writes them; also as they come back from jobs, other machines and files.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    public PSObject[] InputObject { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var item in InputObject)
        {
            if (Read(item) is not { } score) continue;
            int vocabularySize = Value<int>(item, nameof(GptLoss.VocabularySize));
            if (_vocabularySize is { } known && known != vocabularySize)
            {
                WriteError(
                    new InvalidOperationException($"A loss over a vocabulary of {vocabularySize} cannot be added to losses over one of {known}."),
                    "VocabularyMismatch", ErrorCategory.InvalidData, item);
                continue;
            }

            _vocabularySize = vocabularySize;
            _total += score;
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_vocabularySize is { } size) WriteObject(new GptLoss(_total, size, source: null));
    }

    private DocumentScore? Read(PSObject item)
    {
        if (item.BaseObject is GptLoss loss) return loss.Metrics.Score;
        try
        {
            return new(
                LossSummary.ParseExact(Value<string>(item, nameof(GptLoss.ExactSum))),
                Value<long>(item, nameof(GptLoss.ByteCount)),
                Value<long>(item, nameof(GptLoss.CharacterCount)),
                Value<long>(item, nameof(GptLoss.WordCount)),
                Value<long>(item, nameof(GptLoss.Top1Count)),
                Value<long>(item, nameof(GptLoss.Top5Count)),
                Value<long>(item, nameof(GptLoss.DocumentCount)));
        }
        catch (Exception wrong) when (wrong is PSInvalidCastException or FormatException or MissingMemberException)
        {
            WriteError(new ArgumentException($"This is not a loss as Get-GptLoss writes it: {wrong.Message}", wrong), "NotALoss", ErrorCategory.InvalidData, item);
            return null;
        }
    }

    private static T Value<T>(PSObject item, string name) => item.Properties[name] is { } property
        ? LanguagePrimitives.ConvertTo<T>(property.Value)
        : throw new MissingMemberException($"It has no property {name}.");
}
