using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace MLNet.Gpt.Tokenization;

/// <summary>The byte strings of GPT-2's tokens: from id to bytes and from bytes to id. An id is also its BPE rank.</summary>
internal sealed class Gpt2Vocabulary
{
    /// <summary>Number of ids, including the end of text.</summary>
    public const int Size = 50_257;

    /// <summary>The only special token.</summary>
    public const int EndOfTextId = Size - 1;

    /// <summary>Length in bytes of the longest ordinary token.</summary>
    public const int LongestToken = 128;

    /// <summary>The spelling of the special token.</summary>
    public const string EndOfText = "<|endoftext|>";

    private const string ResourceName = "MLNet.Gpt.Tokenization.Vocabularies.gpt2.tokens";
    private static readonly Lazy<Gpt2Vocabulary> Lazy = new(() => new Gpt2Vocabulary());

    private readonly TokenTable _tokens;

    private Gpt2Vocabulary()
    {
        // The lengths of all tokens except the special one, then their bytes.
        using var resource = typeof(Gpt2Vocabulary).Assembly.GetManifestResourceStream(ResourceName)
            ?? throw new InvalidOperationException($"The resource '{ResourceName}' is missing from the library.");
        byte[] lengths = new byte[EndOfTextId];
        resource.ReadExactly(lengths);
        int total = (int)(resource.Length - lengths.Length);
        byte[] bytes = new byte[total + EndOfText.Length];
        int[] starts = new int[Size + 1];
        resource.ReadExactly(bytes, 0, total);
        Encoding.ASCII.GetBytes(EndOfText, bytes.AsSpan(total));
        for (int id = 0; id < EndOfTextId; id++) starts[id + 1] = starts[id] + lengths[id];
        starts[Size] = bytes.Length;
        _tokens = new(bytes, starts);
        for (int id = 0; id < EndOfTextId; id++) _tokens.Add(id);
    }

    /// <summary>The only instance, read on first use.</summary>
    public static Gpt2Vocabulary Shared => Lazy.Value;

    /// <summary>The bytes of a token; the id must be valid.</summary>
    public ReadOnlySpan<byte> this[int id] => _tokens[id];

    /// <summary>The bytes of a token as memory; the id must be valid.</summary>
    public ReadOnlyMemory<byte> Memory(int id) => _tokens.Memory(id);

    /// <summary>The id of an ordinary token's bytes, or −1.</summary>
    public int Find(ReadOnlySpan<byte> bytes) => _tokens.Find(bytes);

    /// <summary>The ordinary tokens in the format of a .tiktoken file: a line <c>base64 id</c> for each.</summary>
    public MemoryStream OpenRanks()
    {
        // 4 base64 characters for every 3 bytes or part of them, and up to 7 for space, id and line ending.
        byte[] lines = new byte[(EndOfTextId * 10) + (2 * Enumerable.Range(0, EndOfTextId).Sum(id => this[id].Length))];
        int end = 0;
        for (int id = 0; id < EndOfTextId; id++)
        {
            Base64.EncodeToUtf8(this[id], lines.AsSpan(end), out _, out int written);
            end += written;
            lines[end++] = (byte)' ';
            id.TryFormat(lines.AsSpan(end), out written, provider: CultureInfo.InvariantCulture);
            end += written;
            lines[end++] = (byte)'\n';
        }

        return new MemoryStream(lines, 0, end, writable: false);
    }
}
