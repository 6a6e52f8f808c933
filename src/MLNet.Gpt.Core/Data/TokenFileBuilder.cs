using System.Runtime.InteropServices;
using System.Text;
using MLNet.Gpt.Data;
using MLNet.Gpt.IO;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// Creates token files from texts, with only a chunk of a text in memory at a time. Documents are separated by the
/// tokenizer's end-of-text token, if it has one.
/// </summary>
public static class TokenFileBuilder
{
    private const int ChunkLength = 1 << 20; // characters
    private const int BufferLength = 1 << 16; // bytes

    /// <summary>Creates a token file from text files, each of which is a document.</summary>
    /// <param name="path">The token file to make or replace. It is written aside and moved into place: what was there stays where
    /// anything fails.</param>
    /// <param name="textFiles">Text files, in this order.</param>
    /// <param name="tokenizer">Turns text into ids.</param>
    /// <param name="encoding">The encoding of files without a byte order mark; UTF-8 if <see langword="null"/>.</param>
    /// <param name="progress">Told after each chunk of some million characters.</param>
    /// <param name="cancellationToken">Cancels the work; the file that was there stays.</param>
    /// <returns>Tokens in the file.</returns>
    /// <exception cref="IOException">
    /// A text file does not exist or cannot be read, or the token file cannot be written.
    /// </exception>
    /// <exception cref="InvalidDataException">A text has bytes that are not valid in the encoding; the message names the file and
    /// the offset.</exception>
    public static long FromFiles(
        string path,
        IEnumerable<string> textFiles,
        ITextTokenizer tokenizer,
        Encoding? encoding = null,
        IProgress<TokenizingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        string[] files = [.. textFiles];
        long bytes = files.Sum(file => new FileInfo(file).Length);
        return Build(path, files, bytes, file => new TextFileReader(file, encoding), tokenizer, ChunkLength, progress, cancellationToken);
    }

    /// <summary>
    /// Creates a token file from text files like <see cref="FromFiles"/>, on a separate thread. Progress is reported on
    /// that thread; <see cref="Progress{T}"/> brings it back to the caller's.
    /// </summary>
    /// <inheritdoc cref="FromFiles"/>
    public static Task<long> FromFilesAsync(
        string path,
        IEnumerable<string> textFiles,
        ITextTokenizer tokenizer,
        Encoding? encoding = null,
        IProgress<TokenizingProgress>? progress = null,
        CancellationToken cancellationToken = default) => Task.Factory.StartNew(
            () => FromFiles(path, textFiles, tokenizer, encoding, progress, cancellationToken),
            cancellationToken,
            TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach,
            TaskScheduler.Default);

    /// <summary>
    /// Creates a token file from documents, such as the rows of a data set, which are read one by one.
    /// </summary>
    /// <param name="path">The token file to make or replace. It is written aside and moved into place: what was there stays where
    /// anything fails.</param>
    /// <param name="documents">The documents, in this order.</param>
    /// <param name="tokenizer">Turns text into ids.</param>
    /// <param name="progress">Told after each chunk of some million characters, and after each document.</param>
    /// <param name="cancellationToken">Cancels the work; the file that was there stays.</param>
    /// <returns>Tokens in the file.</returns>
    /// <exception cref="IOException">The token file cannot be written.</exception>
    public static long FromTexts(
        string path,
        IEnumerable<string> documents,
        ITextTokenizer tokenizer,
        IProgress<TokenizingProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Build(
            path, documents, totalBytes: null, document => new StringReader(document), tokenizer, ChunkLength, progress, cancellationToken);

    /// <summary>Makes a token file of ids.</summary>
    /// <param name="path">
    /// The token file to create or replace. It is written aside and moved into place: an existing file stays if anything
    /// fails.
    /// </param>
    /// <param name="tokens">The ids.</param>
    /// <param name="vocabularySize">The size of the vocabulary, which all ids are below.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    /// <exception cref="IOException">The token file cannot be written.</exception>
    public static void FromTokens(string path, ReadOnlySpan<int> tokens, int vocabularySize)
    {
        int[] ids = TokenIds.Copy(tokens, vocabularySize, nameof(tokens));
        int bytesPerToken = BytesPerToken(vocabularySize);
        AtomicFile.Write(path, length: 0, stream =>
        {
            stream.Write(new TokenFileHeader(bytesPerToken, ids.Length, vocabularySize).Write());
            Write(stream, ids, bytesPerToken);
        });
    }

    /// <summary>Does the same with the caller's chunk length.</summary>
    internal static long Build(
        string path,
        IEnumerable<string> documents,
        long? totalBytes,
        Func<string, TextReader> open,
        ITextTokenizer tokenizer,
        int chunkLength,
        IProgress<TokenizingProgress>? progress,
        CancellationToken cancellationToken)
    {
        long count = 0, bytes = 0;
        int done = 0, bytesPerToken = BytesPerToken(tokenizer.VocabularySize);
        AtomicFile.Write(path, length: 0, stream =>
        {
            var output = new BufferedStream(stream, BufferLength);
            output.Write(new byte[TokenFileHeader.Length]); // its count is known at the end
            foreach (string document in documents)
            {
                if (done > 0 && tokenizer.EndOfTextId is { } endOfText) count += Write(output, [endOfText], bytesPerToken);
                using (var text = open(document))
                {
                    var start = TextStart.Beginning;
                    foreach (string chunk in TextChunks.Read(text, chunkLength))
                    {
                        count += Write(output, tokenizer.Encode(chunk, SpecialTokens.Recognized, start, cancellationToken), bytesPerToken);
                        start = TextStart.AfterText;
                        Report(bytes + BytesRead(text));
                    }

                    bytes += text is TextFileReader ? BytesRead(text) : Encoding.UTF8.GetByteCount(document);
                }

                done++;
            }

            output.Position = 0;
            output.Write(new TokenFileHeader(bytesPerToken, count, tokenizer.VocabularySize).Write());
            output.Flush();
        });
        Report(bytes);
        return count;

        void Report(long bytesRead) => progress?.Report(new()
        {
            Documents = done, BytesRead = bytesRead, TotalBytes = totalBytes, Tokens = count,
        });
    }

    private static int BytesPerToken(int vocabularySize) => vocabularySize <= ushort.MaxValue + 1 ? sizeof(ushort) : sizeof(int);

    private static long BytesRead(TextReader text) => text is TextFileReader file ? file.BytesRead : 0;

    private static int Write(Stream output, int[] ids, int bytesPerToken)
    {
        if (bytesPerToken == sizeof(int))
        {
            output.Write(MemoryMarshal.AsBytes(ids.AsSpan()));
            return ids.Length;
        }

        ushort[] narrow = Array.ConvertAll(ids, id => checked((ushort)id));
        output.Write(MemoryMarshal.AsBytes(narrow.AsSpan()));
        return ids.Length;
    }
}
