using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Tests.Pipelines;

public sealed class GptOutputColumnsTests : IDisposable
{
    private static readonly PropertyInfo[] Names = [.. typeof(GptOutputColumns).GetProperties().Where(
        property => property.PropertyType == typeof(string))];

    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();

    public void Dispose() => _model.Dispose();

    [Fact]
    public void None_names_no_column_and_All_names_each_after_its_property()
    {
        Assert.Equal(21, Names.Length);
        Assert.All(Names, name => Assert.Null(name.GetValue(GptOutputColumns.None)));
        Assert.All(Names, name => Assert.Equal(name.Name, name.GetValue(GptOutputColumns.All)));
        Assert.Equal(["Text", "Features"], Schema(GptOutputColumns.None with { Embedding = "Features" }).Select(column => column.Name));
        Assert.Equal(22, Schema(GptOutputColumns.All).Count);
    }

    [Fact]
    public void A_prefix_is_added_to_each_name_that_is_not_null()
    {
        var columns = new GptOutputColumns { Embedding = "Features", CandidateCount = 3, LossesAsSingle = true }.WithPrefix("Title.");

        Assert.All(Names, name => Assert.Equal(
            name.GetValue(new GptOutputColumns { Embedding = "Features" }) is string text ? "Title." + text : null,
            name.GetValue(columns)));
        Assert.Equal(3, columns.CandidateCount);
        Assert.True(columns.LossesAsSingle);
    }

    [Fact]
    public void Two_transformers_with_prefixes_share_a_pipeline_and_are_evaluated_separately()
    {
        var data = _ml.Data.LoadFromEnumerable(
            Enumerable.Range(0, 10).Select(i => new { Title = TinyModels.Text(3, i), Body = TinyModels.Text(9, i) }));
        GptOutputColumns title = new GptOutputColumns().WithPrefix("Title."), body = new GptOutputColumns().WithPrefix("Body.");
        var pipeline = _ml.LanguageModeling.FromModel(_model, new GptTransformerOptions { InputColumnName = "Title", Columns = title })
            .Append(_ml.LanguageModeling.FromModel(_model, new GptTransformerOptions { InputColumnName = "Body", Columns = body }));

        var scored = pipeline.Fit(data).Transform(data);

        Assert.Equal(20, _ml.LanguageModeling.Evaluate(scored, title).TokenCount);
        Assert.Equal(80, _ml.LanguageModeling.Evaluate(scored, body).TokenCount);
        Assert.DoesNotContain(scored.Schema, column => column.IsHidden);
    }

    [Fact]
    public void Losses_are_features_for_a_trainer_and_metrics_stay_exact()
    {
        var options = new GptTransformerOptions { Columns = new() { LossesAsSingle = true } };
        var data = _ml.Data.LoadFromEnumerable(
            Enumerable.Range(0, 60).Select(i => new Labelled { Text = TinyModels.Text(4 + (i % 9), i), Label = i % 7 }));
        var pipeline = _ml.LanguageModeling.FromModel(_model, options)
            .Append(_ml.Transforms.Concatenate("Features", "CrossEntropy", "Perplexity", "Probability"))
            .AppendCacheCheckpoint(_ml) // Sdca reads its rows once per pass
            .Append(_ml.Regression.Trainers.Sdca());

        var scored = pipeline.Fit(data).Transform(data);

        Assert.All(scored.GetColumn<float>("Score"), score => Assert.True(float.IsFinite(score)));
        var exact = new GptTransformer(_model).Transform(data);
        Assert.Equal(exact.GetColumn<double>("CrossEntropy").Select(loss => (float)loss), scored.GetColumn<float>("CrossEntropy"));
        Assert.Equal(exact.GetColumn<double>("Perplexity").Select(loss => (float)loss), scored.GetColumn<float>("Perplexity"));
        Assert.Equal(exact.GetColumn<double>("NegativeLogLikelihood"), scored.GetColumn<double>("NegativeLogLikelihood"));
        Assert.Equal(_ml.LanguageModeling.Evaluate(exact).ToExactString(), _ml.LanguageModeling.Evaluate(scored).ToExactString());
    }

    [Fact]
    public void Rows_without_a_loss_are_dropped_by_a_filter_unless_the_first_token_is_predicted()
    {
        var data = Rows.ToView(_ml, "w1", "w1 w2", "w3");
        var started = new GptTransformerOptions { Scoring = new() { PrependEndOfText = true } };

        Assert.Equal(["w1 w2"], Kept(new()));
        Assert.Equal(["w1", "w1 w2", "w3"], Kept(started));

        IEnumerable<string> Kept(GptTransformerOptions options) =>
            _ml.Data.FilterRowsByColumn(new GptTransformer(_model, options).Transform(data), "CrossEntropy", 0, 1e9)
                .GetColumn<string>("Text");
    }

    [Fact]
    public void Tokens_beyond_ASCII_have_ids_and_the_indices_of_their_characters()
    {
        const string Text = "白鲸 is a 🐳, naïve";
        using var model = GptModel.FromWeights(
            TinyModels.Weights(GptPresets.Tiny with { VocabularySize = Gpt2Tokenizer.Instance.VocabularySize }, seed: 1),
            Gpt2Tokenizer.Instance);
        var columns = GptOutputColumns.None with { Tokens = "Tokens", TokenIds = "TokenIds", TokenStarts = "TokenStarts" };

        var row = Read(new GptTransformerOptions { Columns = columns });
        var started = Read(new GptTransformerOptions { Columns = columns, Scoring = new() { PrependEndOfText = true } });

        Assert.Equal(Gpt2Tokenizer.Instance.Encode(Text), row.TokenIds);
        Assert.Equal(row.TokenIds.Select(id => TokenPiece.Of(Gpt2Tokenizer.Instance, id).Text), row.Tokens);
        Assert.StartsWith("<E7>", row.Tokens[0], StringComparison.Ordinal); // the first of the three bytes of 白
        Assert.Equal(row.TokenIds.Length, row.TokenStarts.Length);
        string[] pieces = [.. row.TokenStarts.Select(
            (start, i) => Text[start..(i + 1 < row.TokenStarts.Length ? row.TokenStarts[i + 1] : Text.Length)])];
        Assert.Equal(Text, string.Concat(pieces));
        Assert.Contains("白", pieces);
        Assert.Contains("鲸", pieces);
        Assert.Contains(pieces, piece => piece.EndsWith("🐳", StringComparison.Ordinal));
        Assert.Equal([Gpt2Tokenizer.Instance.EndOfTextId!.Value, .. row.TokenIds], started.TokenIds);
        Assert.Equal([0, .. row.TokenStarts], started.TokenStarts);

        TokenRow Read(GptTransformerOptions options) =>
            _ml.Data.CreateEnumerable<TokenRow>(
                new GptTransformer(model, options).Transform(Rows.ToView(_ml, Text)), reuseRowObject: false).Single();
    }

    [Fact]
    public void Chosen_names_are_saved_and_loaded()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "model.zip");
        var columns = (GptOutputColumns.All with { LossesAsSingle = true }).WithPrefix("x.");

        new GptTransformer(_model, new() { Columns = columns }).Save(path);

        Assert.Equal(columns, GptTransformer.Load(path).Options.Columns);
    }

    private DataViewSchema Schema(GptOutputColumns columns) =>
        new GptTransformer(_model, new() { Columns = columns }).GetOutputSchema(Rows.ToView(_ml, "w1").Schema);

    private sealed class Labelled
    {
        public string Text { get; set; } = string.Empty;

        public float Label { get; set; }
    }

    private sealed class TokenRow
    {
        public string[] Tokens { get; set; } = [];

        public int[] TokenIds { get; set; } = [];

        public int[] TokenStarts { get; set; } = [];
    }
}
