using System.Runtime.InteropServices;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Data;

/// <summary>Makes a token file of texts, a piece of a text in memory at a time. Between two documents stands the tokenizer's end of text, where it has one.</summary>
public static class TokenFileBuilder
{
    private const int PieceLength = 1 << 20; // characters

    /// <summary>Makes a token file of text files, each of which is a document.</summary>
    /// <param name="path">The token file to make or replace. It is written aside and moved into place: what was there stays where anything fails.</param>
    /// <param name="textFiles">Files of UTF-8 text, in this order.</param>
    /// <param name="tokenizer">Turns text into ids.</param>
    /// <param name="progress">Told after each piece of some million characters.</param>
    /// <param name="cancellationToken">Checked before each piece.</param>
    /// <returns>Tokens in the file.</returns>
    /// <exception cref="IOException">A text is not there or cannot be read, or the token file cannot be written.</exception>
    public static long FromFiles(
        string path, IEnumerable<string> textFiles, ITextTokenizer tokenizer, IProgress<TokenizingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        string[] files = [.. textFiles];
        return Build(path, files, files.Sum(file => new FileInfo(file).Length), ReadFile, tokenizer, PieceLength, progress, cancellationToken);
    }

    /// <summary>Makes a token file of documents, such as the rows of a data set, which are taken one by one.</summary>
    /// <inheritdoc cref="FromFiles"/>
    /// <param name="path">The token file to make or replace. It is written aside and moved into place: what was there stays where anything fails.</param>
    /// <param name="documents">The documents, in this order.</param>
    /// <param name="tokenizer">Turns text into ids.</param>
    /// <param name="progress">Told after each piece of some million characters, and after each document.</param>
    /// <param name="cancellationToken">Checked before each piece.</param>
    public static long FromTexts(
        string path, IEnumerable<string> documents, ITextTokenizer tokenizer, IProgress<TokenizingProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Build(path, documents, totalBytes: null, document => (new StringReader(document), null), tokenizer, PieceLength, progress, cancellationToken);

    /// <summary>The same with a length of pieces of the caller's.</summary>
    internal static long Build(
        string path,
        IEnumerable<string> documents,
        long? totalBytes,
        Func<string, (TextReader Text, Stream? Bytes)> open,
        ITextTokenizer tokenizer,
        int pieceLength,
        IProgress<TokenizingProgress>? progress,
        CancellationToken cancellationToken)
    {
        string target = Path.GetFullPath(path), aside = $"{target}.{Guid.NewGuid():N}.tmp";
        try
        {
            long count = 0, bytes = 0;
            int done = 0, bytesPerToken = tokenizer.VocabularySize <= ushort.MaxValue + 1 ? sizeof(ushort) : sizeof(int);
            using (var output = new FileStream(aside, FileMode.CreateNew, FileAccess.Write))
            {
                output.Write(new byte[TokenFileHeader.Length]); // its count is known at the end
                foreach (string document in documents)
                {
                    if (done > 0 && tokenizer.EndOfTextId is { } endOfText) count += Write(output, [endOfText], bytesPerToken);
                    var (text, stream) = open(document);
                    using (text)
                    {
                        foreach (string piece in TextChunks.Read(text, pieceLength))
                        {
                            cancellationToken.ThrowIfCancellationRequested();
                            count += Write(output, tokenizer.Encode(piece), bytesPerToken);
                            progress?.Report(new(done, bytes + (stream?.Position ?? 0), totalBytes, count));
                        }

                        bytes += stream?.Position ?? System.Text.Encoding.UTF8.GetByteCount(document);
                    }

                    done++;
                }

                output.Position = 0;
                output.Write(new TokenFileHeader(bytesPerToken, count, tokenizer.VocabularySize).Write());
                output.Flush(flushToDisk: true);
            }

            File.Move(aside, target, overwrite: true);
            progress?.Report(new(done, bytes, totalBytes, count));
            return count;
        }
        catch
        {
            File.Delete(aside);
            throw;
        }
    }

    internal static (TextReader Text, Stream? Bytes) ReadFile(string path)
    {
        var stream = File.OpenRead(path);
        return (new StreamReader(stream), stream);
    }

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
