using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>
/// Rows that share forward passes: the values are the same, and the input is read once and not far ahead.
/// </summary>
public sealed class LookAheadTests : IDisposable
{
    private const int MostRowsAhead = 64;

    private static readonly GptOutputColumns AllColumns = new()
    {
        CandidateTokens = "CandidateTokens", CandidateTokenIds = "CandidateTokenIds", CandidateProbabilities = "CandidateProbabilities",
        Tokens = "Tokens", TokenLogProbabilities = "TokenLogProbabilities", GeneratedText = "GeneratedText", Embedding = "Embedding",
    };

    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();

    public void Dispose() => _model.Dispose();

    [Theory]
    [InlineData(WeightPrecision.Float32, false)]
    [InlineData(WeightPrecision.Float32, true)]
    [InlineData(WeightPrecision.BFloat16, false)]
    [InlineData(WeightPrecision.Int8, true)]
    [InlineData(WeightPrecision.Int4, true)]
    public void A_row_has_the_same_bits_whatever_rows_surround_it(WeightPrecision precision, bool prependsEndOfText)
    {
        using var model = _model.Quantize(precision);
        var transformer = new GptTransformer(model, new()
        {
            Columns = AllColumns, Scoring = new() { PrependEndOfText = prependsEndOfText },
            Generation = new() { MaxTokens = 3, Temperature = 1, Seed = 5 },
        });
        // Lengths around the context of 16, empty texts, and one that fills several passes alone.
        string[] texts =
        [
            "", .. Enumerable.Range(1, 60).Select(i => TinyModels.Text(i * 7 % 37, i)), "w3", TinyModels.Text(700, 9),
            "", TinyModels.Text(16, 2), TinyModels.Text(17, 3),
        ];
        var data = Rows.ToView(_ml, texts);

        var together = transformer.Transform(data).Preview(maxRows: texts.Length).RowView;
        object[][] alone = [.. texts.Select(text => Values(transformer.Transform(Rows.ToView(_ml, text)).Preview().RowView.Single()))];

        Assert.Equal(texts.Length, together.Length);
        for (int row = 0; row < texts.Length; row++) Assert.Equivalent(alone[row], Values(together[row]), strict: true);
    }

    [Fact]
    public void A_prediction_engine_scoring_row_by_row_gives_the_same_bits()
    {
        string[] texts = [.. Enumerable.Range(0, 100).Select(i => TinyModels.Text(i * 5 % 41, i))];
        var transformer = new GptTransformer(_model);
        using var engine = _ml.Model.CreatePredictionEngine<Rows.Input, Rows.Output>(transformer);

        Assert.Equivalent(
            texts.Select(text => engine.Predict(new() { Text = text })),
            Rows.Read(_ml, transformer.Transform(Rows.ToView(_ml, texts))),
            strict: true);
    }

    [Fact]
    public void The_other_columns_stay_with_their_rows()
    {
        var texts = Enumerable.Range(0, 150).Select(i => new Numbered
        {
            Text = TinyModels.Text(1 + (i % 9), i), Number = i, Vector = [i, i + 1], Word = $"{i}",
        }).ToArray();
        var view = new GptTransformer(_model).Transform(_ml.Data.LoadFromEnumerable(texts));
        var schema = view.Schema;

        using var cursor = view.GetRowCursor(schema);
        var getLoss = cursor.GetGetter<double>(schema["NegativeLogLikelihood"]);
        var getNumber = cursor.GetGetter<int>(schema["Number"]);
        var getVector = cursor.GetGetter<VBuffer<float>>(schema["Vector"]);
        var getWord = cursor.GetGetter<ReadOnlyMemory<char>>(schema["Word"]);
        var getText = cursor.GetGetter<ReadOnlyMemory<char>>(schema["Text"]);
        var getId = cursor.GetIdGetter();
        var ids = new HashSet<DataViewRowId>();
        double loss = 0;
        int number = 0, rows = 0;
        VBuffer<float> vector = default;
        ReadOnlyMemory<char> word = default, text = default;
        DataViewRowId id = default;
        while (cursor.MoveNext())
        {
            getLoss(ref loss); // makes the cursor read ahead
            getNumber(ref number);
            getVector(ref vector);
            getWord(ref word);
            getText(ref text);
            getId(ref id);
            Assert.Equal(rows, number);
            Assert.Equal(rows, cursor.Position);
            Assert.Equal([rows, rows + 1f], vector.DenseValues());
            Assert.Equal($"{rows}", word.ToString());
            Assert.Equal(texts[rows].Text, text.ToString());
            Assert.True(ids.Add(id));
            VBufferEditor.Create(ref vector, 2).Values[0] = -1; // the caller may change its own buffer
            rows++;
        }

        Assert.Equal(150, rows);
        Assert.Equal(-1, cursor.Position);
        Assert.False(cursor.MoveNext());
    }

    [Fact]
    public void The_input_is_read_once_and_not_far_ahead()
    {
        var source = new CountingRows(1000);
        var view = new GptTransformer(_model).Transform(_ml.Data.LoadFromEnumerable(source));

        using var cursor = view.GetRowCursor([view.Schema["Perplexity"]]);
        var get = cursor.GetGetter<double>(view.Schema["Perplexity"]);
        double value = 0;
        int row = 0, farthest = 0;
        while (cursor.MoveNext())
        {
            get(ref value);
            farthest = Math.Max(farthest, source.Handed - ++row);
        }

        Assert.Equal(1000, row);
        Assert.Equal(1, source.Enumerations);
        Assert.InRange(farthest, 2, MostRowsAhead);
    }

    [Fact]
    public void The_first_row_is_computed_alone()
    {
        var tokenizer = new CountingTokenizer(TinyModels.Words);
        using var model = TinyModels.Create(tokenizer);
        var view = new GptTransformer(model).Transform(Rows.ToView(_ml, Enumerable.Range(0, 500).Select(i => TinyModels.Text(5, i))));

        Assert.Single(view.GetColumn<double>("Perplexity").Take(1));

        Assert.Equal(1, tokenizer.Encodings);
    }

    [Fact]
    public void If_rows_are_skipped_no_more_are_computed_in_vain_than_are_read()
    {
        const int Rows = 600, Step = 7;
        var tokenizer = new CountingTokenizer(TinyModels.Words);
        using var model = TinyModels.Create(tokenizer);
        var view = new GptTransformer(model).Transform(
            Pipelines.Rows.ToView(_ml, Enumerable.Range(0, Rows).Select(i => TinyModels.Text(5, i))));

        using var cursor = view.GetRowCursor([view.Schema["Perplexity"]]);
        var get = cursor.GetGetter<double>(view.Schema["Perplexity"]);
        double value = 0;
        int read = 0;
        for (int row = 0; cursor.MoveNext(); row++)
        {
            if (row % Step != 0) continue;
            get(ref value);
            read++;
        }

        Assert.InRange(tokenizer.Encodings, read, 2 * read);
    }

    [Fact]
    public void Counting_tokens_needs_no_model()
    {
        string[] texts = ["w1 w2 w3", "", "w4"];
        var model = TinyModels.Create();
        var view = new GptTransformer(model).Transform(Rows.ToView(_ml, texts));
        model.Dispose(); // any use of it now throws

        Assert.Equal([2L, 0, 0], view.GetColumn<long>("TokenCount"));
        Assert.Throws<ObjectDisposedException>(() => view.GetColumn<double>("Perplexity").ToArray());
    }

    [Fact]
    public void A_text_that_cannot_be_read_fails_its_own_row_only()
    {
        string[] texts = [.. Enumerable.Range(0, 40).Select(i => i == 33 ? "w1 stranger w2" : TinyModels.Text(6, i))];
        var transformer = new GptTransformer(_model);
        double[] expected = [.. texts.Select(
            (text, i) => i == 33 ? 0 : transformer.Transform(Rows.ToView(_ml, text)).GetColumn<double>("Perplexity").Single())];
        var view = transformer.Transform(Rows.ToView(_ml, texts));

        using var cursor = view.GetRowCursor([view.Schema["Perplexity"]]);
        var get = cursor.GetGetter<double>(view.Schema["Perplexity"]);
        for (int row = 0; cursor.MoveNext(); row++)
        {
            double value = 0;
            void Read() => get(ref value);
            if (row == 33) Assert.Contains("stranger", Assert.Throws<ArgumentException>(Read).Message, StringComparison.Ordinal);
            else Read();
            Assert.Equal(expected[row], value);
        }
    }

    [Fact]
    public void Generated_texts_do_not_depend_on_each_other()
    {
        string[] texts = [.. Enumerable.Range(0, 30).Select(i => TinyModels.Text(i % 12, i))];
        var options = new GptTransformerOptions { Columns = AllColumns, Generation = new() { MaxTokens = 6, Temperature = 1.2, Seed = 3 } };
        var generator = new MLNet.Gpt.TextGenerator(_model, options.Generation);

        string[] generated = [.. new GptTransformer(_model, options).Transform(Rows.ToView(_ml, texts)).GetColumn<string>("GeneratedText")];

        Assert.Equal(texts.Select(text => text.Length == 0 ? string.Empty : generator.Generate(text).Text), generated);
    }

    private static object[] Values(DataDebuggerPreview.RowInfo row) => [.. row.Values.Select(pair => pair.Value switch
    {
        VBuffer<float> vector => vector.DenseValues().Select(BitConverter.SingleToInt32Bits).ToArray(),
        VBuffer<int> vector => vector.DenseValues().ToArray(),
        VBuffer<ReadOnlyMemory<char>> vector => vector.DenseValues().Select(text => text.ToString()).ToArray(),
        ReadOnlyMemory<char> text => text.ToString(),
        float number => BitConverter.SingleToInt32Bits(number),
        double number => BitConverter.DoubleToInt64Bits(number),
        var other => other,
    })];

    private sealed class Numbered
    {
        public string Text { get; set; } = string.Empty;

        public int Number { get; set; }

        [VectorType(2)]
        public float[] Vector { get; set; } = [];

        public string Word { get; set; } = string.Empty;
    }

    private sealed class CountingRows(int count) : IEnumerable<Rows.Input>
    {
        public int Enumerations { get; private set; }

        public int Handed { get; private set; }

        public IEnumerator<Rows.Input> GetEnumerator()
        {
            Enumerations++;
            for (int i = 0; i < count; i++)
            {
                Handed++;
                yield return new() { Text = TinyModels.Text(4, i) };
            }
        }

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
