using System.Text;
using System.Text.RegularExpressions;
using MLNet.Gpt.Evaluation.Corpora;

namespace MLNet.Gpt.Tests.Evaluation;

public sealed class ShardTests : IDisposable
{
    private static readonly ScoringOptions Scoring = new() { Stride = 4 };
    private static readonly CorpusOptions Options = new() { Tokens = new() { Entropy = true, CandidateCount = 2 } };

    private readonly TemporaryDirectory _folder = new();
    private readonly GptModel _model = TinyModels.Create();
    private readonly CorpusEvaluator _evaluator;

    public ShardTests() => _evaluator = new(_model, Scoring, Options);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(40)] // more shards than chunks
    public void Shards_merge_into_the_whole_to_the_last_bit(int count)
    {
        var whole = _evaluator.Evaluate(TestCorpora.Mixed, cancellationToken: Cancellation);
        string[] files = [.. CorpusShard.Split(count).OrderBy(shard => shard.Index * 3 % 7).Select(shard => Evaluate(shard).ResultFile!)];

        var merged = CorpusResults.Merge(files);
        Assert.Equal(whole.Metrics.ToExactString(), merged.Metrics.ToExactString());
        Assert.Equal(whole.Statistics.ToExactString(), merged.Statistics.ToExactString());
        var documents = _evaluator.EvaluateDocuments(TestCorpora.Mixed, cancellationToken: Cancellation).ToArray();
        var read = CorpusResults.ReadDocuments(files).ToArray();
        Assert.Equal(
            documents.Select(document => (document.Index, document.Name, document.Metrics.ToExactString())),
            read.Select(document => (document.Index, document.Name, document.Metrics.ToExactString())));
        Assert.Equal(
            documents.SelectMany(document => document.Tokens).Select(TestCorpora.Flat),
            read.SelectMany(document => document.Tokens).Select(TestCorpora.Flat));
    }

    [Fact]
    public void An_interrupted_evaluation_resumes_where_it_stopped_and_leaves_the_same_file()
    {
        using var other = new TemporaryDirectory();
        var whole = _evaluator.Evaluate(TestCorpora.Mixed, other.Path, cancellationToken: Cancellation);
        byte[] expected = File.ReadAllBytes(whole.ResultFile!);

        int pieces = 0;
        using (var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation))
        {
            var stopAfterTwo = TestCorpora.Progress(_ =>
            {
                if (++pieces == 2) source.Cancel();
            });
            Assert.ThrowsAny<OperationCanceledException>(
                () => _evaluator.Evaluate(TestCorpora.Mixed, _folder.Path, default, stopAfterTwo, source.Token));
        }

        string file = Assert.Single(Directory.GetFiles(_folder.Path));
        byte[] left = File.ReadAllBytes(file);
        Assert.True(left.Length < expected.Length && expected.AsSpan().StartsWith(left));

        pieces = 0;
        var resumed = _evaluator.Evaluate(TestCorpora.Mixed, _folder.Path, default, TestCorpora.Progress(_ => pieces++), Cancellation);
        Assert.Equal(whole.Metrics.ToExactString(), resumed.Metrics.ToExactString());
        Assert.Equal(whole.Statistics.ToExactString(), resumed.Statistics.ToExactString());
        Assert.Equal(expected, File.ReadAllBytes(file));
        // Without the header, the end, and the last line break.
        Assert.Equal(Encoding.UTF8.GetString(expected).Split('\n').Length - 3 - 2, pieces);
    }

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.999)]
    [InlineData(0.0)]
    public void A_file_truncated_anywhere_is_repaired(double share)
    {
        var whole = Evaluate(CorpusShard.Whole);
        byte[] expected = File.ReadAllBytes(whole.ResultFile!);
        File.WriteAllBytes(whole.ResultFile!, expected[..(int)(share * expected.Length)]);

        Assert.Equal(whole.Metrics.ToExactString(), Evaluate(CorpusShard.Whole).Metrics.ToExactString());
        Assert.Equal(expected, File.ReadAllBytes(whole.ResultFile!));
    }

    [Fact]
    public void A_complete_shard_is_read_instead_of_recomputed()
    {
        var first = Evaluate(new(1, 2));
        int pieces = 0;
        var second = _evaluator.Evaluate(TestCorpora.Mixed, _folder.Path, new(1, 2), TestCorpora.Progress(_ => pieces++), Cancellation);

        Assert.Equal(0, pieces);
        Assert.Equal(first.Metrics.ToExactString(), second.Metrics.ToExactString());
        Assert.Equal(first.ResultFile, second.ResultFile);
        Assert.Equal(first.ResultFile, _evaluator.ResultFile(TestCorpora.Mixed, _folder.Path, new(1, 2)));
    }

    [Fact]
    public void Different_models_options_and_corpora_have_different_files()
    {
        using var otherModel = TinyModels.Create(seed: 2);
        using var rounded = _model.Quantize(WeightPrecision.BFloat16);
        string[] files =
        [
            _evaluator.ResultFile(TestCorpora.Mixed, _folder.Path),
            new CorpusEvaluator(otherModel, Scoring, Options).ResultFile(TestCorpora.Mixed, _folder.Path),
            new CorpusEvaluator(rounded, Scoring, Options).ResultFile(TestCorpora.Mixed, _folder.Path),
            new CorpusEvaluator(_model, Scoring with { Stride = 5 }, Options).ResultFile(TestCorpora.Mixed, _folder.Path),
            new CorpusEvaluator(_model, Scoring).ResultFile(TestCorpora.Mixed, _folder.Path),
            _evaluator.ResultFile(Corpus.FromTexts(["w1 w2"]), _folder.Path),
            _evaluator.ResultFile(TestCorpora.Mixed, _folder.Path, new(0, 2)),
        ];
        Assert.Distinct(files);

        // Options that do not change figures, and a second model with the same weights, give the same file.
        using var same = TinyModels.Create();
        Assert.Equal(
            files[0],
            new CorpusEvaluator(
                same,
                Scoring with { WindowLength = 16 },
                Options with { BatchTokenCount = 3 }).ResultFile(TestCorpora.Mixed, _folder.Path));
    }

    [Fact]
    public void A_result_file_is_known_by_its_first_line()
    {
        string path = Evaluate(new(0, 2)).ResultFile!, text = Path.Combine(_folder.Path, "text.jsonl");
        Assert.True(CorpusResults.IsResultFile(path));
        File.WriteAllLines(path, File.ReadAllLines(path)[..1]);
        Assert.True(CorpusResults.IsResultFile(path)); // an interrupted one
        foreach (string other in (string[])["", "\n", "{\"text\":\"the cat\"}\n{\"text\":\"the dog\"}\n", "the cat sat\non the mat\n"])
        {
            File.WriteAllText(text, other);
            Assert.False(CorpusResults.IsResultFile(text));
        }

        Assert.Throws<FileNotFoundException>(() => CorpusResults.IsResultFile(Path.Combine(_folder.Path, "none")));
    }

    [Fact]
    public void Results_that_do_not_belong_together_are_not_merged()
    {
        string first = Evaluate(new(0, 2)).ResultFile!, second = Evaluate(new(1, 2)).ResultFile!, third = Evaluate(new(2, 3)).ResultFile!;
        string other = new CorpusEvaluator(_model, Scoring with { Stride = 5 }, Options).Evaluate(
            TestCorpora.Mixed, _folder.Path, new(1, 2), null, Cancellation).ResultFile!;

        Assert.Contains(
            "shard 2 is missing",
            Assert.Throws<ArgumentException>(() => CorpusResults.Merge([first])).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "both of shard 1",
            Assert.Throws<ArgumentException>(() => CorpusResults.Merge([first, second, first])).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "overlap",
            Assert.Throws<ArgumentException>(() => CorpusResults.Merge([first, third])).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "stride=4",
            Assert.Throws<ArgumentException>(() => CorpusResults.Merge([first, other])).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "no result file", Assert.Throws<ArgumentException>(() => CorpusResults.Merge([])).Message, StringComparison.Ordinal);

        string[] lines = File.ReadAllLines(second);
        File.WriteAllLines(second, lines[..^1]);
        Assert.Contains(
            "not complete",
            Assert.Throws<InvalidDataException>(() => CorpusResults.Merge([first, second])).Message,
            StringComparison.Ordinal);
        File.WriteAllLines(second, [lines[0], .. lines[2..]]);
        Assert.Contains(
            "damaged",
            Assert.Throws<InvalidDataException>(() => CorpusResults.Merge([first, second])).Message,
            StringComparison.Ordinal);
        File.WriteAllLines(second, [lines[0], "rubbish", .. lines[2..]]);
        Assert.Contains(
            "damaged",
            Assert.Throws<InvalidDataException>(() => CorpusResults.Merge([first, second])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_another_measurement_is_not_added_to()
    {
        string file = Evaluate(CorpusShard.Whole).ResultFile!;
        string other = new CorpusEvaluator(_model, Scoring with { Stride = 5 }, Options).ResultFile(TestCorpora.Mixed, _folder.Path);
        File.Move(file, other);

        var error = Assert.Throws<InvalidDataException>(
            () =>
                new CorpusEvaluator(_model, Scoring with { Stride = 5 }, Options).Evaluate(
                    TestCorpora.Mixed, _folder.Path, default, null, Cancellation));
        Assert.Contains("stride=4", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_one_process_at_a_time_works_on_a_shard() =>
        _evaluator.Evaluate(
            TestCorpora.Mixed, _folder.Path, default,
            TestCorpora.Progress(_ => Assert.ThrowsAny<IOException>(() => Evaluate(CorpusShard.Whole))),
            Cancellation);

    [Theory]
    [InlineData(-1, 2)]
    [InlineData(2, 2)]
    [InlineData(0, 0)]
    public void There_is_no_shard_outside_the_split(int index, int count) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new CorpusShard(index, count));

    [Fact]
    public void No_flipped_bit_gives_another_result()
    {
        string file = Evaluate(CorpusShard.Whole).ResultFile!;
        byte[] good = File.ReadAllBytes(file);
        string score = CorpusResults.Merge([file]).Metrics.ToExactString();
        var random = new Random(12);
        for (int trial = 0; trial < 300; trial++)
        {
            byte[] damaged = [.. good];
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(file, damaged);
            Assert.Throws<InvalidDataException>(() => CorpusResults.Merge([file]));
            Assert.Throws<InvalidDataException>(() => CorpusResults.ReadDocuments([file]).Count());
            if (trial % 10 != 0) continue;
            try
            {
                // The damage was at the end, which is recomputed.
                Assert.Equal(score, Evaluate(CorpusShard.Whole).Metrics.ToExactString());
                Assert.Equal(good, File.ReadAllBytes(file));
            }
            catch (InvalidDataException)
            {
            }
        }
    }

    [Fact]
    public void A_file_of_version_1_is_read_merged_and_completed()
    {
        string file = Evaluate(new(0, 2)).ResultFile!, other = Evaluate(new(1, 2)).ResultFile!;
        var whole = CorpusResults.Merge([file, other]);
        string[] old = AsVersion1(file);
        Assert.DoesNotContain(
            old,
            line => line.Contains("check", StringComparison.Ordinal) || line.Contains("byteStart", StringComparison.Ordinal));

        File.WriteAllLines(file, old);
        Assert.Equal(whole.Metrics.ToExactString(), CorpusResults.Merge([file, other]).Metrics.ToExactString());
        Assert.Equal(
            whole.Metrics.ToExactString(),
            LanguageModelMetrics.Merge(CorpusResults.ReadDocuments([other, file]).Select(document => document.Metrics)).ToExactString());
        Assert.Equal(0, Evaluated());
        File.WriteAllLines(file, old[..3]);
        Assert.NotEqual(0, Evaluated());
        Assert.Equal(old.Length, File.ReadAllLines(file).Length);
        Assert.Equal(whole.Metrics.ToExactString(), CorpusResults.Merge([file, other]).Metrics.ToExactString());

        int Evaluated()
        {
            int pieces = 0;
            _evaluator.Evaluate(TestCorpora.Mixed, _folder.Path, new(0, 2), TestCorpora.Progress(_ => pieces++), Cancellation);
            return pieces;
        }
    }

    [Fact]
    public void Any_damage_in_a_file_is_an_InvalidDataException()
    {
        string file = Evaluate(CorpusShard.Whole).ResultFile!;
        string[] lines = File.ReadAllLines(file), old = AsVersion1(file);
        Refused([lines[0], lines[1], lines[^1], .. lines[2..^1]], "damaged");
        Refused([lines[0], lines[0], .. lines[1..]], "second header");
        Refused([.. lines, lines[^1]], "follows its end");
        Refused([.. lines, lines[^2], lines[^1]], "follows its end");
        Refused([.. lines[1..]], "does not begin with the header");
        Refused([lines[0], lines[2], lines[1], .. lines[3..]], "not the next one");
        Refused([lines[0].Replace("\"version\":3", "\"version\":1", StringComparison.Ordinal), .. lines[1..]], "damaged");
        Refused([old[0].Replace("\"version\":1", "\"version\":2", StringComparison.Ordinal), .. old[1..]], "damaged");
        Refused([old[0].Replace("\"version\":1", "\"version\":4", StringComparison.Ordinal), .. old[1..]], "");
        Refused([old[0].Replace("\"version\":1", "\"version\":-1", StringComparison.Ordinal), .. old[1..]], "");
        Refused([Property(old[0], "vocabularySize", "0"), .. old[1..]], "vocabulary of 0");
        Refused([Property(old[0], "shardCount", "0"), .. old[1..]], "");
        foreach (string name in (string[])["score", "statistics", "documents", "name", "hash", "tokens", "candidates", "text"])
        {
            string[] damaged = [
                old[0], Property(old[1], name, name is "tokens" or "candidates" or "documents" ? "[null]" : "null"),
                .. old[2..]
            ];
            Assert.NotEqual(old[1], damaged[1]);
            Refused(damaged, "damaged");
        }

        Refused([old[0], Property(old[1], "documents", "null"), .. old[2..]], "damaged");
        Refused(
            [old[0], Property(old[1], "score", "\"1;0;99999999999999999999999999999999999999999999,1,1,1,1,1,1\""), .. old[2..]],
            "damaged");
        Refused([old[0], Property(old[1], "statistics", "\"99999999999999999999||||\""), .. old[2..]], "damaged");
        Refused([old[0], "null", .. old[1..]], "damaged");
        Refused([old[0], "{}", .. old[1..]], "damaged");
        Refused([old[0], "[]", .. old[1..]], "damaged");
        Refused([], "empty");

        void Refused(string[] contents, string reason)
        {
            File.WriteAllLines(file, contents);
            foreach (var read in (Action[])[() => CorpusResults.Merge([file]), () => CorpusResults.ReadDocuments([file]).Count()])
            {
                Assert.Contains(reason, Assert.Throws<InvalidDataException>(read).Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Reading_allocates_in_proportion_to_the_lines()
    {
        const int Lines = 5000;
        var header = new ResultHeader
        {
            Model = "m", Scoring = "s", Detail = "sums", Corpus = "c", VocabularySize = 10, Shard = 0, ShardCount = 1,
        };
        using var stream = new MemoryStream();
        Write(new() { Header = header });
        for (int i = 0; i < Lines; i++) Write(new() { Piece = new(i, "h", 1, [], "||||") });
        Write(new() { End = new(Lines) });
        Assert.Equal(Lines + 2, ResultLines.Read(stream, "warm-up").Count());

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(Lines + 2, ResultLines.Read(stream, "file").Count());
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / Lines, 0, 4096); // 32 KB when the rest of the buffer was copied

        void Write(ResultLine line) => stream.Write(ResultLines.Write(line, ResultHeader.CurrentVersion));
    }

    // What the library wrote before lines had a hash: the same without the additions of versions 2 and 3.
    private static string[] AsVersion1(string file) => [.. File.ReadAllLines(file).Select(line =>
    {
        string old = Regex.Replace(line, @",""check"":""\w+""\}$", "}");
        old = Regex.Replace(old, @",""(byteStart|bytes)"":(\d+|""\w+"")", "");
        old = Regex.Replace(old, @",""(firstBlock"":\d+|blocks"":\[[^]]*\])", "");
        return Regex.Replace(old, @",""first"":\{[^}]*\}", "").Replace("\"version\":3", "\"version\":1", StringComparison.Ordinal);
    })];

    // Gives the first such property another value, whether it is a list, a text or a number.
    private static string Property(string line, string name, string value) =>
        new Regex($@"""{name}"":(\[.*?\](?=,""statistics|\}}|,)|""[^""]*""|-?\d+)").Replace(line, $"\"{name}\":{value}", 1);

    private CorpusEvaluation Evaluate(CorpusShard shard) => _evaluator.Evaluate(TestCorpora.Mixed, _folder.Path, shard, null, Cancellation);
}
