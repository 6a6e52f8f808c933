using System.Runtime.InteropServices;
using System.Text;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Data;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// Learns the vocabulary of a byte-level BPE tokenizer: beginning with the 256 bytes, the most frequent pair of neighbors
/// becomes a token, again and again.
/// </summary>
/// <remarks>
/// Of equally frequent pairs, the one with the lower first and then the lower second id is merged first, so the same
/// texts always give the same vocabulary: that of Hugging Face's <c>BpeTrainer</c>, merge for merge, if it is given the
/// same texts. (Its <c>train(files)</c> takes each line with its ending as a text.) Memory grows with the number of
/// different words, not with the texts. Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword
/// Units" (2016).
/// </remarks>
public static class BytePairTrainer
{
    private const int ChunkLength = 1 << 20; // characters

    /// <summary>Learns from texts.</summary>
    /// <param name="texts">The texts, read once. No token spans two of them.</param>
    /// <param name="vocabularySize">
    /// The number of ids, including those of the 256 bytes and the special tokens. The result has fewer if no further
    /// pair is frequent enough.
    /// </param>
    /// <param name="options">How to learn; the defaults if <see langword="null"/>.</param>
    /// <param name="progress">Receives the fraction of the merges that have been found, from 0 to 1.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The vocabulary has no room for the 256 bytes and the special tokens.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public static BytePairTokenizer FromTexts(
        IEnumerable<string> texts,
        int vocabularySize,
        BytePairTrainerOptions? options = null,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        options ??= new();
        Check.AtLeast(vocabularySize, 256 + options.SpecialTokens.Count, nameof(vocabularySize));
        var added = new AddedTokens(options.SpecialTokens.Select((token, id) => new AddedToken(id, token)));
        var pieces = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (string text in texts)
        {
            ArgumentNullException.ThrowIfNull(text, nameof(texts));
            cancellationToken.ThrowIfCancellationRequested();
            Count(text, options.Rules, added, pieces);
        }

        var vocabulary = new Vocabulary(options.SpecialTokens);
        var words = new PairCounts(pieces.Select(piece => (vocabulary.SymbolsOf(piece.Key), piece.Value)));
        int first = vocabulary.Count;
        while (vocabulary.Count < vocabularySize && words.TakeMostFrequent(options.MinimumFrequency) is { } pair)
        {
            cancellationToken.ThrowIfCancellationRequested();
            words.Merge(pair, vocabulary.Add(pair));
            progress?.Report((double)(vocabulary.Count - first) / (vocabularySize - first));
        }

        return new BytePairTokenizer(
            vocabulary.Tokens, vocabulary.Merges, added.All, hiddenIds: [],
            endOfTextId: options.SpecialTokens.Count > 0 ? 0 : null, unknownId: null, beginningOfTextId: null, options.Rules);
    }

    /// <summary>Learns from text files, of which only a part is in memory at a time.</summary>
    /// <param name="files">The files, in any order.</param>
    /// <param name="vocabularySize">As for <see cref="FromTexts"/>.</param>
    /// <param name="encoding">The encoding of files without a byte order mark; UTF-8 if <see langword="null"/>.</param>
    /// <param name="options">How to learn; the defaults if <see langword="null"/>.</param>
    /// <param name="progress">Receives the fraction of the merges that have been found, from 0 to 1.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="IOException">A file does not exist or cannot be read.</exception>
    /// <exception cref="InvalidDataException">
    /// A file has bytes that are not valid in the encoding; the message names the file and the offset.
    /// </exception>
    /// <inheritdoc cref="FromTexts" path="/exception"/>
    public static BytePairTokenizer FromFiles(
        IEnumerable<string> files,
        int vocabularySize,
        Encoding? encoding = null,
        BytePairTrainerOptions? options = null,
        IProgress<double>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        return FromTexts(files.SelectMany(Chunks), vocabularySize, options, progress, cancellationToken);

        IEnumerable<string> Chunks(string file)
        {
            using var reader = new TextFileReader(file, encoding);
            foreach (string chunk in TextChunks.Read(reader, ChunkLength)) yield return chunk;
        }
    }

    private static void Count(string text, TokenizerRules rules, AddedTokens added, Dictionary<string, long> pieces)
    {
        var counts = pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        var whole = WellFormedText.Of(text);
        for (int start = 0; start < whole.Length;)
        {
            added.Find(whole, start, SpecialTokens.Recognized, out int at, out int end);
            if (at > start)
            {
                var part = rules.Prepare(whole[start..at], isFirst: start == 0, isAfterToken: true);
                var splitter = new TextSplitter(rules.Split);
                for (int from = 0, to; from < part.Length; from = to)
                {
                    to = splitter.PieceEnd(part, from);
                    CollectionsMarshal.GetValueRefOrAddDefault(counts, part[from..to], out _)++;
                }
            }

            start = end;
        }
    }

    /// <summary>The tokens that were learned so far, and the merges that lead to them.</summary>
    private sealed class Vocabulary
    {
        private readonly List<byte[]> _tokens;
        private readonly Dictionary<byte[], int> _ids = new(ByteStringComparer.Instance);
        private readonly OrderedDictionary<(int Left, int Right), int> _merges = [];
        private readonly int[] _byteIds = new int[256];

        public Vocabulary(IReadOnlyList<string> specialTokens)
        {
            _tokens = [.. specialTokens.Select(Encoding.UTF8.GetBytes), .. ByteAlphabet.InOrder.Select(value => (byte[])[value])];
            for (int id = specialTokens.Count; id < _tokens.Count; id++)
            {
                _ids.Add(_tokens[id], id);
                _byteIds[_tokens[id][0]] = id;
            }
        }

        public int Count => _tokens.Count;

        public IReadOnlyList<byte[]> Tokens => _tokens;

        public IReadOnlyList<(int Left, int Right)> Merges => [.. _merges.Keys];

        public int[] SymbolsOf(string piece) => [.. Encoding.UTF8.GetBytes(piece).Select(value => _byteIds[value])];

        // Two pairs can lead to the same token, which then has one id. With it, a pair can come up again that was merged before.
        public int Add((int Left, int Right) pair)
        {
            byte[] token = [.. _tokens[pair.Left], .. _tokens[pair.Right]];
            if (!_ids.TryGetValue(token, out int id))
            {
                id = _tokens.Count;
                _tokens.Add(token);
                _ids.Add(token, id);
            }

            _merges.TryAdd(pair, id);
            return id;
        }
    }

    /// <summary>The different words with how often they occur, as symbols, and the pairs of neighbors in them.</summary>
    private sealed class PairCounts
    {
        private readonly List<(int[] Symbols, int Length, long Frequency)> _words = [];
        private readonly Dictionary<(int Left, int Right), Pair> _pairs = [];
        private readonly PriorityQueue<(int Left, int Right), (long Count, int Left, int Right)> _queue = new(
            Comparer<(long Count, int Left, int Right)>.Create(
                (a, b) => (b.Count, a.Left, a.Right).CompareTo((a.Count, b.Left, b.Right))));

        public PairCounts(IEnumerable<(int[] Symbols, long Frequency)> words)
        {
            foreach (var (symbols, frequency) in words)
            {
                for (int i = 0; i + 1 < symbols.Length; i++) Change((symbols[i], symbols[i + 1]), _words.Count, frequency);
                _words.Add((symbols, symbols.Length, frequency));
            }

            foreach (var (pair, counted) in _pairs) Enqueue(pair, counted.Count);
        }

        // Counts that have fallen since a pair was queued are noticed here.
        public (int Left, int Right)? TakeMostFrequent(int minimum)
        {
            while (_queue.TryDequeue(out var pair, out var priority))
            {
                if (!_pairs.TryGetValue(pair, out var counted)) continue;
                if (counted.Count == priority.Count) return counted.Count >= minimum ? pair : null;
                if (counted.Count > 0) Enqueue(pair, counted.Count);
            }

            return null;
        }

        public void Merge((int Left, int Right) pair, int id)
        {
            _pairs.Remove(pair, out var merged);
            var grown = new HashSet<(int Left, int Right)>();
            foreach (int word in merged!.Words)
            {
                var (symbols, length, frequency) = _words[word];
                int kept = 0;
                for (int i = 0; i < length; i++)
                {
                    if (i + 1 == length || symbols[i] != pair.Left || symbols[i + 1] != pair.Right)
                    {
                        symbols[kept++] = symbols[i];
                        continue;
                    }

                    if (kept > 0) Replace((symbols[kept - 1], pair.Left), (symbols[kept - 1], id));
                    if (i + 2 < length) Replace((pair.Right, symbols[i + 2]), (id, symbols[i + 2]));
                    symbols[kept++] = id;
                    i++;
                }

                _words[word] = (symbols, kept, frequency);

                void Replace((int, int) old, (int, int) next)
                {
                    if (_pairs.TryGetValue(old, out var shrunk)) shrunk.Count -= frequency;
                    Change(next, word, frequency);
                    grown.Add(next);
                }
            }

            foreach (var each in grown)
            {
                if (_pairs[each].Count > 0) Enqueue(each, _pairs[each].Count);
            }
        }

        private void Change((int Left, int Right) pair, int word, long frequency)
        {
            ref var counted = ref CollectionsMarshal.GetValueRefOrAddDefault(_pairs, pair, out _);
            counted ??= new();
            counted.Count += frequency;
            if (counted.Words.Count == 0 || counted.Words[^1] != word) counted.Words.Add(word);
        }

        private void Enqueue((int Left, int Right) pair, long count) => _queue.Enqueue(pair, (count, pair.Left, pair.Right));

        private sealed class Pair
        {
            public long Count { get; set; }

            public List<int> Words { get; } = [];
        }
    }
}
