
namespace MLNet.Gpt.Tokenization;

/// <summary>Decodes a stream of words; each one except the first is preceded by a space.</summary>
internal sealed class WordStreamDecoder(string[] words) : ITokenStreamDecoder
{
    private bool _hasBegun;

    public string Append(int id)
    {
        TokenIds.Validate([id], words.Length, nameof(id));
        string text = _hasBegun ? ' ' + words[id] : words[id];
        _hasBegun = true;
        return text;
    }

    public string Flush()
    {
        _hasBegun = false;
        return string.Empty;
    }
}
