using System.Buffers.Text;
using System.IO.Compression;

namespace MLNet.Gpt.Tokenization;

/// <summary>The bytes of GPT-2's 50,257 tokens, read once from the resource beside this file.</summary>
internal sealed class Gpt2Ranks
{
    public const int TokenCount = 50_257;
    public const int EndOfTextId = 50_256;
    public const string EndOfText = "<|endoftext|>";

    private const string Resource = "MLNet.Gpt.Tokenization.Ranks.r50k_base.tiktoken.br";
    private static readonly Lazy<Gpt2Ranks> Lazy = new(() => new Gpt2Ranks());

    private readonly byte[] _bytes;
    private readonly int[] _starts; // V + 1: token i is _bytes[_starts[i] .. _starts[i + 1]]

    private Gpt2Ranks()
    {
        byte[] lines = ReadResource();
        _bytes = new byte[lines.Length];
        _starts = new int[TokenCount + 1];
        int id = 0, end = 0;
        foreach (var range in lines.AsSpan().Split((byte)'\n'))
        {
            var line = lines.AsSpan(range); // "<base64> <rank>"; the ranks count up from 0
            int blank = line.IndexOf((byte)' ');
            if (blank < 0) continue;
            Base64.DecodeFromUtf8(line[..blank], _bytes.AsSpan(end), out _, out int written);
            _starts[id++] = end;
            end += written;
        }

        if (id != EndOfTextId) throw new InvalidDataException($"The ranks hold {id} tokens; GPT-2 has {EndOfTextId} and the end of text.");
        _starts[EndOfTextId] = end;
        end += System.Text.Encoding.UTF8.GetBytes(EndOfText, _bytes.AsSpan(end));
        _starts[TokenCount] = end;
        Array.Resize(ref _bytes, end);
    }

    public static Gpt2Ranks Shared => Lazy.Value;

    /// <summary>The bytes of a token; the id must be valid.</summary>
    public ReadOnlyMemory<byte> this[int id] => _bytes.AsMemory(_starts[id].._starts[id + 1]);

    /// <summary>The ranks as the lines of a .tiktoken file.</summary>
    public static byte[] ReadResource()
    {
        using var resource = typeof(Gpt2Ranks).Assembly.GetManifestResourceStream(Resource)!;
        using var brotli = new BrotliStream(resource, CompressionMode.Decompress);
        using var lines = new MemoryStream(capacity: 840_000);
        brotli.CopyTo(lines);
        return lines.ToArray();
    }
}
