using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Tells which tokens a model expects next: <c>Get-GptNextToken</c>.</summary>
[Cmdlet(VerbsCommon.Get, "GptNextToken", DefaultParameterSetName = TextSet)]
[OutputType(typeof(GptNextToken))]
public sealed class GetGptNextTokenCommand : TextInputCommand
{
    /// <summary>How many candidates for each text.</summary>
    [Parameter]
    [Alias("Top")]
    [ValidateRange(1, int.MaxValue)]
    public int Count { get; set; } = 5;

    /// <summary>How the spelling of a special token in a text is read.</summary>
    [Parameter]
    public SpecialTokens SpecialToken { get; set; } = SpecialTokens.Recognized;

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source) => Attempt(
        () =>
        {
            int count = Math.Min(Count, Model.Config.VocabularySize);
            int[] ids = Encode(Model.Tokenizer, text, SpecialToken);
            var candidates = new NextTokenPredictor(Model.Engine).Predict(ids, count, StopToken);
            for (int i = 0; i < candidates.Count; i++)
            {
                WriteObject(new GptNextToken
                {
                    TokenRank = i + 1,
                    Id = candidates[i].Id,
                    Text = candidates[i].Text,
                    LogProbability = candidates[i].LogProbability,
                    Prompt = text,
                });
            }
        },
        source ?? text);
}
