using MLNet.Gpt.Evaluation;
using MLNet.Gpt.Generation;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Transforms;

/// <summary>What a transformer asks of its model for a row's text. Holds no state of any row; safe for use by many threads.</summary>
internal sealed class RowScorer(GptModel model, GptTransformerOptions options)
{
    /// <summary>Stands where there is nothing to predict from.</summary>
    private static readonly TokenCandidate NoCandidate = new(-1, double.NaN);

    private readonly TextScorer _scorer = new(model, options.Scoring);
    private readonly NextTokenPredictor _predictor = new(model);
    private readonly TextGenerator _generator = new(model);

    public GptModel Model => model;

    public TextScorer Scorer => _scorer;

    /// <summary>The candidates for the next token; of an empty text as many that say so.</summary>
    public IReadOnlyList<TokenCandidate> PredictNext(ReadOnlySpan<char> text)
    {
        int[] ids = model.Tokenizer.Encode(text, options.Scoring.SpecialTokens);
        return ids.Length > 0
            ? _predictor.Predict(ids, options.Columns.CandidateCount)
            : [.. Enumerable.Repeat(NoCandidate, options.Columns.CandidateCount)];
    }

    /// <summary>A token's text; empty for the id −1.</summary>
    public ReadOnlyMemory<char> TokenText(int id) => id < 0 ? default : model.Tokenizer.Decode([id]).AsMemory();

    /// <summary>The continuation of a text; of an empty text none.</summary>
    public string Generate(ReadOnlyMemory<char> text) => text.IsEmpty ? string.Empty : _generator.Generate(text.ToString(), options.Generation).Text;

    /// <summary>The last token's hidden state (C) after the last layer norm; NaN of an empty text.</summary>
    public float[] Embed(ReadOnlySpan<char> text)
    {
        int width = model.Config.EmbeddingWidth;
        int[] ids = model.Tokenizer.Encode(text, options.Scoring.SpecialTokens);
        if (ids.Length == 0) return [.. Enumerable.Repeat(float.NaN, width)];
        return model.ComputeHiddenStates(ids.AsSpan(Math.Max(0, ids.Length - model.Config.ContextLength)))[^width..];
    }
}
