using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using MLNet.Gpt.Evaluation.Corpora;

namespace MLNet.Gpt;

/// <summary>
/// Documents to be measured, in an order that is always the same. They are read when they are needed and not kept, so a corpus
/// may be larger than memory; it is gone through once to measure it, and once more where its identity is wanted (for result files
/// and for the time left).
/// </summary>
public sealed class Corpus
{
    private readonly IEnumerable<CorpusDocument> _documents;
    private CorpusIdentity? _identity;

    private Corpus(IEnumerable<CorpusDocument> documents) => _documents = documents;

    /// <summary>The documents, read anew each time.</summary>
    public IEnumerable<CorpusDocument> Documents => _documents;

    /// <summary>A corpus of documents.</summary>
    /// <param name="documents">Gives the same documents whenever it is gone through.</param>
    public static Corpus Of(IEnumerable<CorpusDocument> documents)
    {
        ArgumentNullException.ThrowIfNull(documents);
        return new(documents);
    }

    /// <summary>A corpus of texts, each a document, called by its number from 1.</summary>
    /// <param name="texts">Gives the same texts whenever it is gone through.</param>
    public static Corpus FromTexts(IEnumerable<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return new(texts.Select((text, i) => new CorpusDocument((i + 1).ToString(System.Globalization.CultureInfo.InvariantCulture), text)));
    }

    /// <summary>A corpus of text files, each a document, called by the file's name without its folder.</summary>
    /// <param name="paths">The files, in order.</param>
    /// <param name="encoding">The encoding of files without a byte order mark; UTF-8 where <see langword="null"/>.</param>
    /// <remarks>Files are read when the corpus is gone through; see <see cref="TextFile.ReadAllText"/> for what is refused then.</remarks>
    public static Corpus FromFiles(IEnumerable<string> paths, Encoding? encoding = null)
    {
        string[] files = [.. paths];
        return new(files.Select(file => new CorpusDocument(Path.GetFileName(file), TextFile.ReadAllText(file, encoding))));
    }

    /// <summary>A corpus of the text files of a folder and of the folders in it, in an order that is the same on every machine.</summary>
    /// <param name="folder">The folder. <see cref="TextFile.Names"/> tells which of its files are taken: no hidden ones, and none
    /// behind a link to a folder.</param>
    /// <param name="pattern">Which files, such as <c>*.txt</c>.</param>
    /// <param name="encoding">The encoding of files without a byte order mark; UTF-8 where <see langword="null"/>.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="ArgumentException">No file of the folder matches the pattern.</exception>
    public static Corpus FromFolder(string folder, string pattern = "*.txt", Encoding? encoding = null) =>
        FromFiles(TextFile.Names(folder, pattern).Select(name => Path.Combine(folder, name)), encoding);

    /// <summary>A corpus of the lines of a text file, each a document, called by its number from 1.</summary>
    /// <param name="path">The file.</param>
    /// <param name="encoding">The encoding of a file without a byte order mark; UTF-8 where <see langword="null"/>.</param>
    public static Corpus FromLines(string path, Encoding? encoding = null) => FromTexts(TextFile.ReadLines(path, encoding));

    /// <summary>What the corpus is; found by going through it, once.</summary>
    internal CorpusIdentity Identify(CancellationToken cancellationToken)
    {
        if (_identity is { } known) return known;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long documents = 0, characters = 0;
        foreach (var document in _documents)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Append(hash, document.Name);
            Append(hash, document.Text);
            documents++;
            characters += document.Text.Length;
        }

        return _identity = new(Convert.ToHexStringLower(hash.GetHashAndReset()), documents, characters);
    }

    private static void Append(IncrementalHash hash, string text)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        hash.AppendData(length);
        hash.AppendData(MemoryMarshal.AsBytes(text.AsSpan()));
    }
}
