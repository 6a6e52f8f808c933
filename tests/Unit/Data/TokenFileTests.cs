using MLNet.Gpt.Data;

namespace MLNet.Gpt.Tests.Data;

public class TokenFileTests
{
    private static readonly Gpt2Tokenizer Tokenizer = Gpt2Tokenizer.Instance;

    [Theory]
    [InlineData(100)]
    [InlineData(1009)]
    [InlineData(65_536)]
    public void A_text_split_into_chunks_has_the_tokens_of_the_whole(int pieceLength)
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "book.bin"), text = TestFiles.MobyDick[..200_000];
        long count = TokenFileBuilder.Build(
            path, [text], null, document => new StringReader(document), Tokenizer, pieceLength, null, default);

        int[] expected = Tokenizer.Encode(text);
        using var file = TokenFile.Open(path);
        Assert.Equal(expected.Length, count);
        Assert.Equal(expected, ReadAll(file));
        Assert.Equal((2, 50257), (file.BytesPerToken, file.VocabularySize!.Value));
    }

    [Theory]
    [InlineData("a  b\r\n\r\n  c's   d<|endoftext|>e   ")]
    [InlineData("   ")]
    [InlineData("nothing-to-cut-in-here-however-long-it-is")]
    [InlineData("")]
    public void White_space_of_all_kinds_is_split_safely(string text)
    {
        for (int length = 1; length < 12; length++)
        {
            using var folder = new TemporaryDirectory();
            string path = Path.Combine(folder.Path, "text.bin");
            TokenFileBuilder.Build(path, [text], null, document => new StringReader(document), Tokenizer, length, null, default);
            using var file = TokenFile.Open(path);
            Assert.Equal(Tokenizer.Encode(text), ReadAll(file));
        }
    }

    [Fact]
    public void Documents_are_separated_by_the_end_of_text_and_files_read_like_texts()
    {
        using var folder = new TemporaryDirectory();
        string[] texts = ["Every effort", "moves you", " ümläut ☕"];
        string[] files = [.. texts.Select((_, i) => Path.Combine(folder.Path, $"{i}.txt"))];
        foreach (var (text, file) in texts.Zip(files)) File.WriteAllText(file, text);
        string fromFiles = Path.Combine(folder.Path, "files.bin"), fromTexts = Path.Combine(folder.Path, "texts.bin");
        var progress = new List<TokenizingProgress>();
        long count = TokenFileBuilder.FromFiles(fromFiles, files, Tokenizer, progress: new Listener(progress.Add));
        TokenFileBuilder.FromTexts(fromTexts, texts, Tokenizer);

        using var opened = TokenFile.Open(fromFiles);
        Assert.Equal(
            [.. Tokenizer.Encode(texts[0]), 50256, .. Tokenizer.Encode(texts[1]), 50256, .. Tokenizer.Encode(texts[2])], ReadAll(opened));
        Assert.Equal(File.ReadAllBytes(fromTexts), File.ReadAllBytes(fromFiles));
        TokenFileBuilder.FromTokens(fromTexts, ReadAll(opened), opened.VocabularySize!.Value);
        Assert.Equal(File.ReadAllBytes(fromFiles), File.ReadAllBytes(fromTexts));
        Assert.Throws<ArgumentOutOfRangeException>(() => TokenFileBuilder.FromTokens(fromTexts, [7], vocabularySize: 7));
        long bytes = files.Sum(file => new FileInfo(file).Length);
        var last = progress[^1];
        Assert.Equal((3, bytes, bytes, count), (last.Documents, last.BytesRead, last.TotalBytes, last.Tokens));
        Assert.Equal(progress.Select(report => report.Tokens).Order(), progress.Select(report => report.Tokens));
    }

    [Fact]
    public void A_file_of_a_larger_vocabulary_trains_a_model_that_has_all_its_ids()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "ids.bin");
        int[] ids = [.. Enumerable.Range(0, 70_000).Select(i => i % 50)];
        ids[^1] = 60;
        TokenFileBuilder.FromTokens(path, ids, vocabularySize: 100);
        using var file = TokenFile.Open(path);
        Assert.Equal(69_999, TrainingData.FromTokens(file, 16, 61, new()).Training.TargetCount);
        var error = Assert.Throws<ArgumentException>(() => TrainingData.FromTokens(file, 16, 60, new()));
        Assert.Contains("lacks the id 60 of token 69999", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_is_built_on_another_thread_and_can_be_canceled()
    {
        using var folder = new TemporaryDirectory();
        string text = Path.Combine(folder.Path, "text.txt"), path = Path.Combine(folder.Path, "tokens.bin");
        File.WriteAllText(text, "Every effort moves you");
        var token = TestContext.Current.CancellationToken;
        Assert.Equal(4, await TokenFileBuilder.FromFilesAsync(path, [text], Tokenizer, cancellationToken: token));
        using (var file = TokenFile.Open(path)) Assert.Equal(Tokenizer.Encode("Every effort moves you"), ReadAll(file));

        using var source = new CancellationTokenSource();
        var cancel = new Listener(_ => source.Cancel());
        string[] twice = [text, text];
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => TokenFileBuilder.FromFilesAsync(path, twice, Tokenizer, progress: cancel, cancellationToken: source.Token));
        using (var file = TokenFile.Open(path)) Assert.Equal(4, file.Count);
    }

    [Fact]
    public void Ids_of_a_large_vocabulary_take_four_bytes()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "words.bin");
        var tokenizer = new WordTokenizer(Enumerable.Range(0, 70_000).Select(i => $"w{i}"));
        TokenFileBuilder.FromTexts(path, ["w0 w65535 w65536 w69999"], tokenizer);
        using var file = TokenFile.Open(path);
        Assert.Equal(4, file.BytesPerToken);
        Assert.Equal([0, 65535, 65536, 69999], ReadAll(file));
    }

    // 256 little-endian numbers, of which the first are 20240520, 1 and the count; then 2 bytes per id, as written by
    // llm.c's write_datafile.
    [Fact]
    public void An_llm_c_file_is_read()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "llmc.bin");
        byte[] bytes = new byte[1024 + 6];
        BitConverter.GetBytes(20240520).CopyTo(bytes, 0);
        BitConverter.GetBytes(1).CopyTo(bytes, 4);
        BitConverter.GetBytes(3).CopyTo(bytes, 8);
        byte[] ids = [0x50, 0xC4, 7, 0, 1, 2];
        ids.CopyTo(bytes, 1024);
        File.WriteAllBytes(path, bytes);
        using var file = TokenFile.Open(path);
        Assert.Equal([50256, 7, 513], ReadAll(file));
        Assert.Null(file.VocabularySize);
    }

    [Fact]
    public void Windows_of_a_file_are_those_of_the_same_tokens_in_memory()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "book.bin"), text = TestFiles.MobyDick[..20_000];
        TokenFileBuilder.FromTexts(path, [text], Tokenizer);
        using var file = TokenFile.Open(path);
        var options = new TrainingOptions { Stride = 24, ValidationFraction = 0.1 };
        var mapped = TrainingData.FromTokens(file, 32, 50257, options);
        var inMemory = TrainingData.FromTokens(Tokenizer.Encode(text), 32, 50257, options);
        foreach (var (one, two) in new[] { (inMemory.Training, mapped.Training), (inMemory.Validation!, mapped.Validation!) })
        {
            Assert.Equal((one.Count, one.TargetCount), (two.Count, two.TargetCount));
            var batches = new TokenBatches(one, 3).Shuffled(1).Zip(new TokenBatches(two, 3).Shuffled(1)).ToList();
            foreach (var (expected, actual) in batches)
            {
                Assert.Equal(expected.Inputs, actual.Inputs);
                Assert.Equal(expected.Targets, actual.Targets);
            }
        }
    }

    [Fact]
    public void A_canceled_or_failed_build_keeps_the_old_file()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "old.bin");
        File.WriteAllText(path, "old");
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => TokenFileBuilder.FromTexts(path, Documents(), Tokenizer, null, source.Token));
        Assert.Throws<FileNotFoundException>(() => TokenFileBuilder.FromFiles(path, [Path.Combine(folder.Path, "none.txt")], Tokenizer));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(folder.Path));

        IEnumerable<string> Documents()
        {
            yield return "one";
            source.Cancel();
            yield return "two";
        }
    }

    [Fact]
    public void Another_file_and_a_damaged_one_are_refused_with_the_reason()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "wrong.bin");
        Refused(new byte[10], "begins with 1024 bytes");
        Refused(new byte[2000], "is not a token file");
        byte[] good = [.. new TokenFileHeader(2, 3, 50257).Write(), 1, 0, 2, 0, 3, 0];
        Refused(good[..^1], "3 tokens of 2 bytes would take 1030");

        void Refused(byte[] bytes, string reason)
        {
            File.WriteAllBytes(path, bytes);
            string message = Assert.Throws<InvalidDataException>(() => TokenFile.Open(path).Dispose()).Message;
            Assert.Contains(reason, message, StringComparison.Ordinal);
            Assert.Contains("wrong.bin", message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(4, 1L << 62)]
    [InlineData(4, (1L << 62) + 1)]
    [InlineData(2, long.MaxValue)]
    [InlineData(2, 1L << 62)]
    public void A_count_that_overflows_is_refused(int bytesPerToken, long count)
    {
        byte[] header = new TokenFileHeader(bytesPerToken, count, 50257).Write();
        foreach (long length in (long[])[1024, 1028, unchecked(1024 + (count * bytesPerToken))])
        {
            Assert.Contains(
                "large.bin",
                Assert.Throws<InvalidDataException>(() => TokenFileHeader.Read("large.bin", header, length)).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_truncated_while_it_is_open_is_an_exception()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets nobody cut a file that is open.");
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "book.bin");
        TokenFileBuilder.FromTexts(path, [TestFiles.MobyDick[..20_000]], Tokenizer);
        using var file = TokenFile.Open(path);
        var windows = new TokenWindows(file, 32);
        using (var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
        {
            stream.SetLength(
                1024 + 100);
        }

        Assert.Equal(32, windows.Inputs(0).Length);
        Assert.Contains(
            "book.bin",
            Assert.Throws<InvalidDataException>(() => windows.Inputs(windows.Count - 1).Length).Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => new TokenBatches(windows, 2).InOrder().Count());
    }

    [Fact]
    public void Long_reads_and_concurrent_reads_are_exact()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "ids.bin");
        int[] ids = [.. Enumerable.Range(0, 100_001).Select(i => i * 7919 % 70_000)];
        foreach (int bytesPerToken in (int[])[2, 4])
        {
            int[] expected = [.. ids.Select(id => bytesPerToken == 2 ? id % 65_536 : id)];
            using (var stream = File.Create(path))
            {
                stream.Write(new TokenFileHeader(bytesPerToken, ids.Length, bytesPerToken == 2 ? 65_536 : 70_000).Write());
                foreach (int id in expected)
                {
                    stream.Write(
                        bytesPerToken == 2 ? BitConverter.GetBytes((ushort)id) : BitConverter.GetBytes(id));
                }
            }

            using var file = TokenFile.Open(path);
            Assert.Equal(expected, ReadAll(file));
            Parallel.For(0, 500, i =>
            {
                int start = i * 7177 % 100_000;
                int[] part = new int[Math.Min(1 + (i * 97), ids.Length - start)];
                file.Read(start, part);
                Assert.True(part.AsSpan().SequenceEqual(expected.AsSpan(start, part.Length)));
            });
        }
    }

    [Fact]
    public void A_link_is_followed_when_a_token_file_is_created()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights on Windows.");
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "real.bin"), link = Path.Combine(folder.Path, "link.bin");
        File.WriteAllText(path, "old");
        File.CreateSymbolicLink(link, path);
        long count = TokenFileBuilder.FromTexts(link, ["Every effort moves you"], Tokenizer);

        Assert.NotNull(File.ResolveLinkTarget(link, returnFinalTarget: false));
        using var file = TokenFile.Open(path);
        Assert.Equal(count, file.Count);
        Assert.Equal(2, Directory.GetFiles(folder.Path).Length);
    }

    [Fact]
    public void A_header_can_count_more_tokens_than_32_bits()
    {
        var header = new TokenFileHeader(2, 5_000_000_000, 50257);
        Assert.Equal(header, TokenFileHeader.Read("large.bin", header.Write(), 1024 + 10_000_000_000));
    }

    [Fact]
    public void A_file_of_another_vocabulary_and_an_id_outside_it_are_refused()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "text.bin");
        TokenFileBuilder.FromTexts(path, ["Every effort moves you"], Tokenizer);
        using var file = TokenFile.Open(path);
        Assert.Throws<ArgumentException>(() => TrainingData.FromTokens(file, 2, 61, new()));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TokenWindows(file, 2, vocabularySize: 61).Inputs(0).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(3, new int[2]));
    }

    private static int[] ReadAll(TokenFile file)
    {
        int[] ids = new int[file.Count];
        file.Read(0, ids);
        return ids;
    }

    private sealed class Listener(Action<TokenizingProgress> report) : IProgress<TokenizingProgress>
    {
        public void Report(TokenizingProgress value) => report(value);
    }
}
