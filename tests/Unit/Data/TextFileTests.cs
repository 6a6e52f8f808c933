using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Data;

namespace MLNet.Gpt.Tests.Data;

/// <summary>One reader for every text: invalid bytes are rejected, not replaced.</summary>
public sealed class TextFileTests : IDisposable
{
    private const string Sentence = "Die Größe des Cafés: 25 °C. 鯨 🐋\r\nZweite Zeile.\n";

    private readonly TemporaryDirectory _folder = new();

    /// <summary>Every way of reading a text file with the library; each returns the documents.</summary>
    public static TheoryData<string> Inputs =>
        ["ReadAllText", "ReadLines", "FromFiles", "FromFolder", "FromLines", "TokenFile",
            "LoadFromFile", "LoadFromFolder", "LoadFromLines", "LoadFromParagraphs"];

    public static TheoryData<string> Marked => ["utf-8", "utf-16", "utf-16BE", "utf-32", "utf-32BE"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Inputs))]
    public void Invalid_bytes_are_refused_with_file_offset_and_advice(string input)
    {
        string file = Write("a.txt", Encoding.Latin1.GetBytes("Gut.\nDie Größe des Cafés: 25 °C."));

        string message = Assert.Throws<InvalidDataException>(() => Read(input, file, null)).Message;

        Assert.Contains("a.txt", message, StringComparison.Ordinal);
        Assert.Contains("utf-8", message, StringComparison.Ordinal);
        Assert.Contains("F6 at offset 11", message, StringComparison.Ordinal);
        Assert.Contains("Encoding.Latin1", message, StringComparison.Ordinal);
        Assert.Contains("-Encoding", message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Inputs))]
    public void Another_encoding_can_be_passed(string input)
    {
        const string Text = "Die Größe des Cafés: 25 °C.";

        Assert.Equal([Text], Read(input, Write("a.txt", Encoding.Latin1.GetBytes(Text)), Encoding.Latin1));
    }

    [Theory]
    [MemberData(nameof(Inputs))]
    public void UTF_16_without_a_mark_is_refused_unless_specified(string input)
    {
        foreach (string text in (string[])["Call me Ishmael.", "It’s a “whale” — 鯨!", "Die Größe"])
        {
            foreach (
                var encoding in (Encoding[])[
                    new UnicodeEncoding(bigEndian: false, byteOrderMark: false),
                    new UnicodeEncoding(bigEndian: true, byteOrderMark: false)
                ])
            {
                string file = Write("a.txt", encoding.GetBytes(text));
                Assert.Contains(
                    "a.txt", Assert.Throws<InvalidDataException>(() => Read(input, file, null)).Message, StringComparison.Ordinal);
                Assert.Equal([text], Read(input, file, encoding));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Marked))]
    public void A_byte_order_mark_determines_the_encoding_and_is_not_text(string name)
    {
        var encoding = Encoding.GetEncoding(name);
        byte[] bytes = [.. encoding.GetPreamble(), .. encoding.GetBytes(Sentence)];
        Assert.NotEmpty(encoding.GetPreamble());
        string file = Write("a.txt", bytes);

        Assert.Equal(Sentence, TextFile.ReadAllText(file));
        Assert.Equal(Sentence, TextFile.ReadAllText(file, Encoding.Latin1));
        Assert.Equal(Sentence.Split(["\r\n", "\n"], StringSplitOptions.None)[..2], TextFile.ReadLines(file));
        // only the first is a mark
        Assert.Equal("\uFEFFa", TextFile.ReadAllText(Write("two.txt", [.. encoding.GetPreamble(), .. encoding.GetBytes("\uFEFFa")])));
        Assert.Equal("", TextFile.ReadAllText(Write("none.txt", encoding.GetPreamble())));
    }

    [Theory]
    [MemberData(nameof(Marked))]
    public void Invalid_bytes_after_a_mark_are_refused_too(string name)
    {
        var encoding = Encoding.GetEncoding(name);
        byte[] wrong =
            name switch { "utf-8" => [0xE9], "utf-16" => [0x00, 0xDC], "utf-16BE" => [0xDC, 0x00], _ => [0xFF, 0xFF, 0xFF, 0xFF] };
        byte[] before = [.. encoding.GetPreamble(), .. encoding.GetBytes("Größe")];
        string file = Write("a.txt", [.. before, .. wrong, .. encoding.GetBytes(" bis hier")]);

        Assert.Contains(
            $"at offset {before.Length}.",
            Assert.Throws<InvalidDataException>(() => TextFile.ReadAllText(file)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("utf-8", "E9")]
    [InlineData("utf-8", "E9AF")]
    [InlineData("utf-8", "F09F90")]
    [InlineData("utf-8", "FF")]
    [InlineData("utf-8", "C080")]
    [InlineData("us-ascii", "E9")]
    [InlineData("utf-16", "00DC")]
    [InlineData("utf-16", "3DD8")]
    [InlineData("utf-16", "3DD83DD8")]
    [InlineData("utf-16BE", "D83D")]
    [InlineData("utf-32", "FFFFFFFF")]
    [InlineData("utf-32BE", "00D80000")]
    public void The_offset_is_exact_wherever_blocks_end(string name, string hexadecimal)
    {
        var encoding = Encoding.GetEncoding(name);
        byte[] wrong = Convert.FromHexString(hexadecimal);
        foreach (bool isLast in (bool[])[false, true])
        {
            for (int length = 1; length < 14; length++)
            {
                byte[] before = encoding.GetBytes(
                    name == "us-ascii"
                        ? new string('a', length)
                        : string.Concat(Enumerable.Repeat("鯨a🐋", length))[..(length - (length % 4 == 3 ? 1 : 0))]);
                string file = Write("a.txt", [.. before, .. wrong, .. isLast ? [] : encoding.GetBytes(" and more")]);
                if (isLast && name.StartsWith("utf-16", StringComparison.Ordinal)) File.AppendAllBytes(file, [0]); // an extra half unit
                for (int block = 4; block <= 32; block += 2)
                {
                    using var reader = new TextFileReader(file, encoding, block);
                    string message = Assert.Throws<InvalidDataException>(reader.ReadToEnd).Message;
                    string offset = before.Length.ToString(CultureInfo.InvariantCulture);
                    Assert.True(
                        message.Contains($"at offset {offset}.", StringComparison.Ordinal),
                        $"{offset} expected with blocks of {block}, last {isLast}: {message}");
                }
            }
        }
    }

    [Fact]
    public void The_offset_is_exact_far_into_a_long_file()
    {
        byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("Eine Zeile mit Größe ☕.\n", 40_000)));
        int place = bytes.AsSpan(700_000).IndexOf((byte)'\n') + 700_000;
        bytes[place] = 0xFC;
        string file = Write("a.txt", bytes);
        foreach (string input in Inputs.Select(row => row.Data))
        {
            string message = Assert.Throws<InvalidDataException>(() => Read(input, file, null)).Message;
            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"FC at offset {place}."), message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Marked))]
    public void Blocks_of_any_length_give_the_same_text(string name)
    {
        var encoding = Encoding.GetEncoding(name);
        string file = Write("a.txt", [.. encoding.GetPreamble(), .. encoding.GetBytes(Sentence)]);
        for (int block = 4; block < 80; block += 2)
        {
            using var reader = new TextFileReader(file, null, block);
            Assert.Equal(Sentence[0], reader.Peek());
            Assert.Equal(Sentence[0], reader.Read());
            Assert.Equal(Sentence[1..], reader.ReadToEnd());
            Assert.Equal((-1, -1), (reader.Peek(), reader.Read()));
            Assert.Equal(new FileInfo(file).Length, reader.BytesRead);
        }
    }

    [Fact]
    public void A_zero_here_and_there_is_text()
    {
        foreach (string text in (string[])["\0", "a\0b", "Name\0Other name\0", "", "\0\0\0"])
        {
            Assert.Equal(text, TextFile.ReadAllText(Write("a.txt", Encoding.UTF8.GetBytes(text))));
        }

        Assert.Equal("a\0b\0", TextFile.ReadAllText(Write("a.txt", "a\0b\0"u8.ToArray()), Encoding.UTF8)); // specified, so not guessed
    }

    [Fact]
    public void Invalid_bytes_in_a_given_encoding_are_refused_and_the_encoding_is_not_changed()
    {
        string file = Write("a.txt", Encoding.UTF8.GetBytes("Größe"));

        Assert.Contains(
            "us-ascii",
            Assert.Throws<InvalidDataException>(() => TextFile.ReadAllText(file, Encoding.ASCII)).Message,
            StringComparison.Ordinal);
        Assert.Equal("?", Encoding.ASCII.GetString([0xC3]).Replace('\uFFFD', '?'));
    }

    [Fact]
    public void Lines_are_split_like_the_platforms()
    {
        foreach (string text in (string[])["", "\n", "a", "a\n", "a\r\rb\r\n\nc\n\r", "a\u2028b\u0085c\vd\fe\n"])
        {
            string file = Write("a.txt", Encoding.UTF8.GetBytes(text));
            Assert.Equal(File.ReadLines(file), TextFile.ReadLines(file));
        }
    }

    [Fact]
    public void Line_endings_are_kept_and_change_figures_as_documented()
    {
        string lf = TestFiles.MobyDick[..3000], crlf = lf.ReplaceLineEndings("\r\n");
        int[] counts = [
            .. new[] { lf, crlf }.Select(
                text => Gpt2Tokenizer.Instance.Count(TextFile.ReadAllText(Write("a.txt", Encoding.UTF8.GetBytes(text)))))
        ];

        Assert.Equal([702, 712], counts);
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "measuring.md")).ReplaceLineEndings(" ");
        Assert.Contains("are 702 tokens of GPT-2 with LF and 712 with CR LF", page, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_to_a_folder_is_not_followed()
    {
        Write("a.txt", "Call me Ishmael."u8.ToArray());
        Write("sub/b.txt", "b"u8.ToArray());
        Link(() => Directory.CreateSymbolicLink(Path.Combine(_folder.Path, "again"), "."));
        Link(() => Directory.CreateSymbolicLink(Path.Combine(_folder.Path, "sub", "up"), ".."));
        Link(() => File.CreateSymbolicLink(Path.Combine(_folder.Path, "c.txt"), "a.txt"));
        Link(() => Directory.CreateSymbolicLink(_folder.Path + "-link", _folder.Path));

        Assert.Equal(["a.txt", "c.txt", "sub/b.txt"], TextFile.Names(_folder.Path));
        Assert.Equal(3, Corpus.FromFolder(_folder.Path).Documents.Count());
        Assert.Equal(3, new MLContext().LanguageModeling.Data.LoadFromFolder(_folder.Path).GetRowCount());
        Assert.Equal(["a.txt", "c.txt", "sub/b.txt"], TextFile.Names(_folder.Path + "-link")); // the requested folder is read
        Directory.Delete(_folder.Path + "-link");
    }

    [Fact]
    public void Hidden_files_and_those_added_by_macOS_are_left_out()
    {
        byte[] appleDouble = [0, 5, 22, 7, 0, 2, 0, 0, 0xB0, 0xFF];
        string hidden = Write("._a.txt", appleDouble);
        Write("a.txt", "a"u8.ToArray());
        Write("b/C.TXT", "c"u8.ToArray());
        Write("__MACOSX/._a.txt", appleDouble);
        Write("__MACOSX/b.txt", appleDouble);
        Write(".hidden.txt", "h"u8.ToArray());
        Write(".git/d.txt", "d"u8.ToArray());
        Write("no-text.bin", appleDouble);

        Assert.Equal(["a.txt", "b/C.TXT"], TextFile.Names(_folder.Path));
        Assert.Equal(["a", "c"], Corpus.FromFolder(_folder.Path).Documents.Select(document => document.Text));
        Assert.Equal(["a", "c"], new MLContext().LanguageModeling.Data.LoadFromFolder(_folder.Path).GetColumn<string>("Text"));
        Assert.Equal(["a.txt", "no-text.bin"], TextFile.Names(_folder.Path, "*.*", recursive: false));
        Assert.Equal(["d.txt"], TextFile.Names(Path.Combine(_folder.Path, ".git"))); // requested by name
        Assert.Throws<InvalidDataException>(() => TextFile.ReadAllText(hidden)); // an explicit path is read
        Assert.Contains(
            "'*.md'", Assert.Throws<ArgumentException>(() => Corpus.FromFolder(_folder.Path, "*.md")).Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => TextFile.Names(Path.Combine(_folder.Path, "absent")));
    }

    private static string[] Read(string input, string file, Encoding? encoding)
    {
        string folder = Path.GetDirectoryName(file)!, tokens = Path.Combine(folder, "tokens.bin");
        var data = new MLContext().LanguageModeling.Data;
        var options = new TextLoadingOptions { Encoding = encoding };
        switch (input)
        {
            case "ReadAllText": return [TextFile.ReadAllText(file, encoding)];
            case "ReadLines": return [.. TextFile.ReadLines(file, encoding)];
            case "FromFiles": return [.. Corpus.FromFiles([file], encoding).Documents.Select(document => document.Text)];
            case "FromFolder": return [.. Corpus.FromFolder(folder, encoding: encoding).Documents.Select(document => document.Text)];
            case "FromLines": return [.. Corpus.FromLines(file, encoding).Documents.Select(document => document.Text)];
            case "TokenFile":
                int[] ids = new int[TokenFileBuilder.FromFiles(tokens, [file], Gpt2Tokenizer.Instance, encoding)];
                using (var opened = TokenFile.Open(tokens)) opened.Read(0, ids);
                return [Gpt2Tokenizer.Instance.Decode(ids)];
            case "LoadFromFile": return [.. data.LoadFromFile(file, options).GetColumn<string>("Text")];
            case "LoadFromFolder": return [.. data.LoadFromFolder(folder, options: options).GetColumn<string>("Text")];
            case "LoadFromLines": return [.. data.LoadFromLines(file, options: options).GetColumn<string>("Text")];
            default: return [.. data.LoadFromParagraphs(file, options).GetColumn<string>("Text")];
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Links need rights on Windows that not everyone has.")]
    private static void Link(Action create)
    {
        try
        {
            create();
        }
        catch (Exception error) when (OperatingSystem.IsWindows() && error is IOException or UnauthorizedAccessException)
        {
            Assert.Skip("Links cannot be made here: " + error.Message);
        }
    }

    private string Write(string name, byte[] bytes)
    {
        string file = Path.Combine(_folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, bytes);
        return file;
    }
}
