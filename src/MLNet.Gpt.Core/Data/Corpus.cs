using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace MLNet.Gpt;

/// <summary>
/// Documents to measure, in an order that is always the same. They are read when they are needed and not kept, so a
/// corpus may be larger than memory. Measuring reads it once; result files and the estimated time left need a second
/// pass for its identity.
/// </summary>
public sealed class Corpus
{
    private CorpusIdentity? _identity;

    private Corpus(IEnumerable<CorpusDocument> documents) => Documents = documents;

    /// <summary>The documents; each enumeration reads them again.</summary>
    public IEnumerable<CorpusDocument> Documents { get; }

    /// <summary>Creates a corpus of documents.</summary>
    /// <param name="documents">Must yield the same documents in every enumeration.</param>
    public static Corpus FromDocuments(IEnumerable<CorpusDocument> documents)
    {
        ArgumentNullException.ThrowIfNull(documents);
        return new(documents);
    }

    /// <summary>Creates a corpus of texts; each is a document whose name is its number, from 1.</summary>
    /// <param name="texts">Must yield the same texts in every enumeration.</param>
    public static Corpus FromTexts(IEnumerable<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return new(texts.Select((text, i) => new CorpusDocument((i + 1).ToString(CultureInfo.InvariantCulture), text)));
    }

    /// <summary>
    /// Creates a corpus of text files; each is a document whose name is that of the file without its folder.
    /// </summary>
    /// <param name="paths">The files, in order.</param>
    /// <param name="encoding">
    /// The encoding of files without a byte order mark; UTF-8 if <see langword="null"/>.
    /// </param>
    /// <remarks>
    /// Files are read when the corpus is enumerated, and then throw what <see cref="TextFile.ReadAllText"/> throws for
    /// a file that it rejects.
    /// </remarks>
    public static Corpus FromFiles(IEnumerable<string> paths, Encoding? encoding = null)
    {
        string[] files = [.. paths];
        return new(files.Select(file => new CorpusDocument(Path.GetFileName(file), TextFile.ReadAllText(file, encoding))));
    }

    /// <summary>Creates a corpus of the text files in a folder and its subfolders, in an order that is the same on every machine.</summary>
    /// <param name="folder">
    /// The folder. <see cref="TextFile.Names"/> lists its files, without hidden files and without those in linked
    /// folders.
    /// </param>
    /// <param name="pattern">Which files, such as <c>*.txt</c>.</param>
    /// <param name="encoding">The encoding of files without a byte order mark; UTF-8 if <see langword="null"/>.</param>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    /// <exception cref="ArgumentException">No file in the folder matches the pattern.</exception>
    public static Corpus FromFolder(string folder, string pattern = "*.txt", Encoding? encoding = null) =>
        FromFiles(TextFile.Names(folder, pattern).Select(name => Path.Combine(folder, name)), encoding);

    /// <summary>Creates a corpus of the lines of a text file; each is a document whose name is its number, from 1.</summary>
    /// <param name="path">The file.</param>
    /// <param name="encoding">The encoding of a file without a byte order mark; UTF-8 if <see langword="null"/>.</param>
    public static Corpus FromLines(string path, Encoding? encoding = null) => FromTexts(TextFile.ReadLines(path, encoding));

    /// <summary>Returns the identity of the corpus; the first call reads all documents.</summary>
    internal CorpusIdentity Identify(CancellationToken cancellationToken)
    {
        if (_identity is { } known) return known;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long characters = 0;
        foreach (var document in Documents)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Append(hash, document.Name);
            Append(hash, document.Text);
            characters += document.Text.Length;
        }

        return _identity = new(Convert.ToHexStringLower(hash.GetHashAndReset()), characters);
    }

    private static void Append(IncrementalHash hash, string text)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        hash.AppendData(length);
        hash.AppendData(MemoryMarshal.AsBytes(text.AsSpan()));
    }

    /// <summary>What distinguishes one corpus from another.</summary>
    /// <param name="Fingerprint">A hash of the documents' names and texts, in order.</param>
    /// <param name="CharacterCount">Characters of all texts, in UTF-16 units.</param>
    internal sealed record CorpusIdentity(string Fingerprint, long CharacterCount);
}
