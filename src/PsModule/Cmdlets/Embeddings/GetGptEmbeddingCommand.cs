using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Turns texts into vectors: <c>Get-GptEmbedding</c>.</summary>
[Cmdlet(VerbsCommon.Get, "GptEmbedding", DefaultParameterSetName = TextSet)]
[OutputType(typeof(GptEmbedding))]
public sealed class GetGptEmbeddingCommand : TextInputCommand
{
    private const int BatchTokens = 512;

    private readonly WaitingTexts _waiting = new(BatchTokens);

    private TextEmbedder _embedder = null!;
    private ProgressBar _progress = null!;
    private long _tokenCount;

    /// <summary>How the hidden states of a text's tokens become one vector.</summary>
    [Parameter]
    public EmbeddingPooling Pooling { get; set; } = EmbeddingPooling.Mean;

    /// <summary>Scales vectors to a length of 1.</summary>
    [Parameter]
    public SwitchParameter Normalize { get; set; }

    /// <summary>How the spelling of a special token in a text is read.</summary>
    [Parameter]
    public SpecialTokens SpecialToken { get; set; } = SpecialTokens.Recognized;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _embedder = new(Model.Engine, new() { Pooling = Pooling, Normalize = Normalize, SpecialTokens = SpecialToken });
        _progress = new(this, $"Embedding with {Model.Name}", TimeSpan.FromSeconds(1));
    }

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source)
    {
        int[] ids = Encode(Model.Tokenizer, text, SpecialToken);
        if (_waiting.Add(text, source, ids.Length, ids)) EmbedWaiting();
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        EmbedWaiting();
        _progress.Complete();
    }

    /// <summary>Reports an error in its place: after the vectors of the texts before it.</summary>
    protected override void WriteError(Exception exception, string id, ErrorCategory category, object? target)
    {
        EmbedWaiting();
        base.WriteError(exception, id, category, target);
    }

    private void EmbedWaiting()
    {
        var texts = _waiting.Take();
        if (texts.Length == 0) return;
        if (texts.All(text => text.Ids.Length > 0)) Attempt(() => Embed(texts), texts[0].Target);
        else foreach (var text in texts) Attempt(() => Embed([text]), text.Target);
        _tokenCount += texts.Sum(text => (long)text.Ids.Length);
        if (_progress.IsDue) _progress.Draw(FormattableString.Invariant($"{_waiting.Count:N0} texts, {_tokenCount:N0} tokens"), -1);
        _waiting.EndBatch();
    }

    private void Embed(WaitingText[] texts)
    {
        var vectors = _embedder.Embed([.. texts.Select(text => text.Ids)], StopToken);
        for (int i = 0; i < texts.Length; i++)
        {
            var text = texts[i];
            WriteObject(new GptEmbedding(vectors[i])
            {
                Text = text.Source is null ? text.Text : null, Source = text.Source, Index = text.Index, TokenCount = text.Ids.Length,
            });
        }
    }
}
