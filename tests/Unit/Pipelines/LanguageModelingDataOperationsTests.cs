using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Tests.Pipelines;

public sealed class LanguageModelingDataOperationsTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_one_document_with_its_line_breaks()
    {
        const string Text = "One.\r\nTwo.\n\rThree: ✓ 🐋\n";
        string file = Write("book.txt", Text);

        var view = _ml.LanguageModeling.Data.LoadFromFile(file);

        Assert.Equal([Text], view.GetColumn<string>("Text"));
        Assert.Equal(["book.txt"], view.GetColumn<string>("FileName"));
        Assert.Equal(1, view.GetRowCount());
    }

    [Fact]
    public void A_folder_yields_one_document_per_file_in_the_order_of_their_names()
    {
        Write("b.txt", "b");
        Write("a/z.txt", "z");
        Write("a.txt", "a");
        Write("a/deep/y.txt", "y");
        Write("B.txt", "B");
        Write("note.md", "note");

        var view = _ml.LanguageModeling.Data.LoadFromFolder(_folder.Path);

        Assert.Equal(["B.txt", "a.txt", "a/deep/y.txt", "a/z.txt", "b.txt"], view.GetColumn<string>("FileName"));
        Assert.Equal(["B", "a", "y", "z", "b"], view.GetColumn<string>("Text"));
        Assert.Equal(
            ["B.txt", "a.txt", "b.txt"],
            _ml.LanguageModeling.Data.LoadFromFolder(_folder.Path, recursive: false).GetColumn<string>("FileName"));
        Assert.Equal(["note"], _ml.LanguageModeling.Data.LoadFromFolder(_folder.Path, "*.md").GetColumn<string>("Text"));
    }

    [Fact]
    public void A_file_in_a_folder_is_read_each_time_its_text_is_read()
    {
        Write("a.txt", "old");
        var view = _ml.LanguageModeling.Data.LoadFromFolder(_folder.Path);
        Write("a.txt", "new");
        Assert.Equal(["new"], view.GetColumn<string>("Text"));
        File.Delete(Path.Combine(_folder.Path, "a.txt"));

        Assert.Equal(["a.txt"], view.GetColumn<string>("FileName")); // the text was not read
        Assert.Throws<FileNotFoundException>(() => view.GetColumn<string>("Text").ToArray());
    }

    [Fact]
    public void Lines_become_documents_singly_or_in_groups()
    {
        string file = Write("lines.txt", "1\r\n2\n\n3\n4\n   \n5");

        Assert.Equal(["1", "2", "3", "4", "5"], _ml.LanguageModeling.Data.LoadFromLines(file).GetColumn<string>("Text"));
        Assert.Equal(["1\r\n2", "\n3", "4\n   ", "5"], _ml.LanguageModeling.Data.LoadFromLines(file, 2).GetColumn<string>("Text"));
        Assert.Equal(["1\r\n2\n\n3\n4\n   \n5"], _ml.LanguageModeling.Data.LoadFromLines(file, 100).GetColumn<string>("Text"));
    }

    [Fact]
    public void Blank_lines_separate_paragraphs()
    {
        string file = Write("paragraphs.txt", "\n\nOne\ntwo.\r\n\r\n \t\nThree.\n\n\n\nFour\nfive.\n");

        var view = _ml.LanguageModeling.Data.LoadFromParagraphs(file);

        Assert.Equal(["One\ntwo.", "Three.", "Four\nfive."], view.GetColumn<string>("Text"));
        Assert.Null(view.GetRowCount());
        Assert.Equal(["One\ntwo.", "Three.", "Four\nfive."], view.GetColumn<string>("Text")); // a new cursor starts from the beginning
    }

    [Theory]
    [InlineData(7)]
    [InlineData(16_384)]
    [InlineData(16_385)]
    [InlineData(50_000)]
    public void Lines_longer_than_a_block_and_breaks_across_blocks_are_read_whole(int length)
    {
        string[] lines = [new('a', length), "", new('b', length + 1), new('c', 3)];
        foreach (string end in (string[])["\n", "\r\n", "\r"])
        {
            string file = Write("long.txt", string.Join(end, lines) + end);

            Assert.Equal(lines.Where(line => line.Length > 0), _ml.LanguageModeling.Data.LoadFromLines(file).GetColumn<string>("Text"));
            Assert.Equal([string.Join(end, lines)], _ml.LanguageModeling.Data.LoadFromLines(file, 4).GetColumn<string>("Text"));
        }
    }

    [Fact]
    public void Only_the_part_of_a_file_that_is_needed_is_read()
    {
        string file = Path.Combine(_folder.Path, "large.txt");
        using (var writer = new StreamWriter(file))
        {
            for (int i = 0; i < 400_000; i++) writer.WriteLine("A line of a file that is rather large, and that nobody needs whole.");
        }

        var view = _ml.LanguageModeling.Data.LoadFromLines(file);
        _ = view.GetColumn<string>("Text").Take(1).Single();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(10, view.GetColumn<string>("Text").Take(10).Count());

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void Columns_and_encoding_can_be_chosen()
    {
        string file = Path.Combine(_folder.Path, "latin.txt");
        File.WriteAllBytes(file, Encoding.Latin1.GetBytes("Señor"));
        var options = new TextLoadingOptions { TextColumnName = "Body", FileNameColumnName = null, Encoding = Encoding.Latin1 };

        var view = _ml.LanguageModeling.Data.LoadFromFile(file, options);

        Assert.Equal("Body", view.Schema.Single().Name);
        Assert.Equal(["Señor"], view.GetColumn<string>("Body"));
    }

    [Fact]
    public void Invalid_bytes_are_refused_rather_than_replaced()
    {
        string file = Path.Combine(_folder.Path, "latin.txt");
        File.WriteAllBytes(file, Encoding.Latin1.GetBytes("Good line\nSeñor\n"));

        Assert.Contains("latin.txt", Refused(_ml.LanguageModeling.Data.LoadFromFile(file)), StringComparison.Ordinal);
        Assert.Contains("utf-8", Refused(_ml.LanguageModeling.Data.LoadFromLines(file)), StringComparison.Ordinal);

        static string Refused(IDataView view) =>
            Assert.Throws<InvalidDataException>(() => view.GetColumn<string>("Text").ToArray()).Message;
    }

    [Fact]
    public void Missing_files_are_named_at_once()
    {
        Assert.Contains(
            "absent.txt",
            Assert.Throws<FileNotFoundException>(() => _ml.LanguageModeling.Data.LoadFromFile("absent.txt")).Message,
            StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => _ml.LanguageModeling.Data.LoadFromLines("absent.txt"));
        Assert.Throws<DirectoryNotFoundException>(() => _ml.LanguageModeling.Data.LoadFromFolder(Path.Combine(_folder.Path, "absent")));
        Assert.Contains(
            "'*.txt'",
            Assert.Throws<ArgumentException>(() => _ml.LanguageModeling.Data.LoadFromFolder(_folder.Path)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.LanguageModeling.Data.LoadFromLines(Write("a.txt", "a"), 0));
        Assert.Throws<ArgumentException>(() => new TextLoadingOptions { TextColumnName = "" });
        Assert.Throws<ArgumentException>(
            () => _ml.LanguageModeling.Data.LoadFromFile(Write("a.txt", "a"), new() { FileNameColumnName = "Text" }));
    }

    [Fact]
    public void Its_views_work_in_pipelines_previews_and_caches()
    {
        using var model = TinyModels.Create();
        string file = Write("words.txt", "w1 w2 w3\nw4 w5\n");
        var view = _ml.LanguageModeling.FromModel(model).Fit(_ml.LanguageModeling.Data.LoadFromLines(file)).Transform(
            _ml.Data.Cache(_ml.LanguageModeling.Data.LoadFromLines(file)));

        Assert.Equal([2L, 1], view.GetColumn<long>("TokenCount"));
        Assert.Equal(2, view.Preview().RowView.Length);
        Assert.Equal([0L, 1], view.GetColumn<string>("Text").Select((_, i) => (long)i));
        Assert.Equal(2, _ml.LanguageModeling.Evaluate(view).DocumentCount);
    }

    private string Write(string name, string text)
    {
        string file = Path.Combine(_folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
        return file;
    }
}
