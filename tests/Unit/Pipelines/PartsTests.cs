using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Rows;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>
/// What the model computes when only some of the columns are read, by counting passes and their tokens.
/// </summary>
public sealed class PartsTests : IDisposable
{
    private static readonly GptTransformerOptions WithEmbedding = new() { Columns = new() { Embedding = "Features" } };

    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();
    private readonly List<(TextParts Parts, int Tokens)> _passes = [];

    public void Dispose() => _model.Dispose();

    [Fact]
    public void A_prediction_engine_computes_only_what_its_class_reads()
    {
        string[] texts = [.. Enumerable.Range(0, 6).Select(i => TinyModels.Text(5 + i, i))];
        using var engine = _ml.Model.CreatePredictionEngine<Rows.Input, Embedded>(Counted(WithEmbedding));

        foreach (string text in texts) Assert.Equal(_model.Config.EmbeddingWidth, engine.Predict(new() { Text = text }).Features.Length);

        Assert.Equal(texts.Select((_, i) => (TextParts.Embedding, 5 + i)), _passes);
    }

    [Fact]
    public void A_prediction_engine_that_reads_the_next_token_computes_only_the_last_window()
    {
        using var engine = _ml.Model.CreatePredictionEngine<Rows.Input, NextToken>(Counted(new()));

        _ = engine.Predict(new() { Text = TinyModels.Text(100, 1) });

        Assert.Equal([(TextParts.NextToken, _model.Config.ContextLength)], _passes);
    }

    [Fact]
    public void Parts_that_are_read_together_share_a_pass_from_the_second_prediction_on()
    {
        using var engine = _ml.Model.CreatePredictionEngine<Rows.Input, Rows.Output>(Counted(new()));

        for (int i = 0; i < 4; i++) _ = engine.Predict(new() { Text = TinyModels.Text(7, i) });

        const TextParts Both = TextParts.Loss | TextParts.NextToken;
        // for the first row nothing is known yet
        Assert.Equal([(TextParts.Loss, 6), (TextParts.NextToken, 7)], _passes[..2].OrderBy(pass => pass.Parts));
        Assert.Equal([(Both, 7), (Both, 7), (Both, 7)], _passes[2..]);
    }

    [Fact]
    public void A_later_step_that_is_not_read_costs_nothing()
    {
        var data = Rows.ToView(_ml, TinyModels.Text(5, 1));
        var pipeline = new TransformerChain<ITransformer>(
            Counted(WithEmbedding), _ml.Transforms.CopyColumns("Copy", "Perplexity").Fit(Counted(WithEmbedding).Transform(data)));
        using var engine = _ml.Model.CreatePredictionEngine<Rows.Input, Embedded>(pipeline);

        for (int i = 0; i < 3; i++) _ = engine.Predict(new() { Text = TinyModels.Text(6, i) });

        Assert.Equal(Enumerable.Repeat((TextParts.Embedding, 6), 3), _passes);
    }

    [Fact]
    public void A_cursor_computes_only_what_is_read()
    {
        var view = Counted(WithEmbedding).Transform(Rows.ToView(_ml, Enumerable.Range(0, 20).Select(i => TinyModels.Text(5, i))));

        using var cursor = view.GetRowCursor(view.Schema); // all columns are active
        var get = cursor.GetGetter<float>(view.Schema["Probability"]);
        float value = 0;
        while (cursor.MoveNext()) get(ref value);

        Assert.All(_passes, pass => Assert.Equal(TextParts.NextToken, pass.Parts));
        Assert.Equal(20 * 5, _passes.Sum(pass => pass.Tokens));
    }

    [Fact]
    public void A_part_that_is_first_read_late_is_computed_from_that_row_on()
    {
        var transformer = Counted(WithEmbedding);
        string[] texts = [.. Enumerable.Range(0, 200).Select(i => TinyModels.Text(4 + (i % 7), i))];
        var view = transformer.Transform(Rows.ToView(_ml, texts));
        float[] expected = [.. transformer.Transform(Rows.ToView(_ml, texts)).GetColumn<float>("Probability")];
        _passes.Clear();

        using var cursor = view.GetRowCursor(view.Schema);
        var getLoss = cursor.GetGetter<double>(view.Schema["Perplexity"]);
        var getProbability = cursor.GetGetter<float>(view.Schema["Probability"]);
        double loss = 0;
        float probability = 0;
        for (int row = 0; cursor.MoveNext(); row++)
        {
            getLoss(ref loss);
            if (row < 100) continue;
            getProbability(ref probability);
            Assert.Equal(expected[row], probability);
        }

        // If the next token is not predicted, the last token is not an input.
        int[] lengths = [.. texts.Select(text => text.Split(' ').Length)];
        Assert.InRange(
            _passes.Where(pass => pass.Parts.HasFlag(TextParts.Loss)).Sum(pass => pass.Tokens),
            lengths.Sum() - 200,
            lengths.Sum());
        Assert.Equal(lengths[100..].Sum(), _passes.Where(pass => pass.Parts.HasFlag(TextParts.NextToken)).Sum(pass => pass.Tokens));
        Assert.DoesNotContain(_passes, pass => pass.Parts.HasFlag(TextParts.Embedding));
        Assert.Contains(_passes, pass => pass.Parts == (TextParts.Loss | TextParts.NextToken)); // once it is known that both are read
    }

    [Fact]
    public void Values_have_the_same_bits_whatever_else_is_read()
    {
        string[] texts = ["", .. Enumerable.Range(0, 40).Select(i => TinyModels.Text(1 + (i * 7 % 37), i))];
        var view = new GptTransformer(_model, WithEmbedding).Transform(Rows.ToView(_ml, texts));
        var together = _ml.Data.CreateEnumerable<All>(view, reuseRowObject: false).ToArray();

        Assert.Equal(together.Select(row => row.Perplexity), view.GetColumn<double>("Perplexity"));
        Assert.Equal(together.Select(row => row.Probability), view.GetColumn<float>("Probability"));
        Assert.Equal(together.Select(row => row.Features), view.GetColumn<float[]>("Features"));
    }

    private GptTransformer Counted(GptTransformerOptions options)
    {
        var transformer = new GptTransformer(_model, options);
        transformer.Scorer.PassStarting = (parts, tokens) => _passes.Add((parts, tokens));
        return transformer;
    }

    private sealed class Embedded
    {
        public float[] Features { get; set; } = [];
    }

    private sealed class NextToken
    {
        public string PredictedToken { get; set; } = string.Empty;
    }

    private sealed class All
    {
        public double Perplexity { get; set; }

        public float Probability { get; set; }

        public float[] Features { get; set; } = [];
    }
}
