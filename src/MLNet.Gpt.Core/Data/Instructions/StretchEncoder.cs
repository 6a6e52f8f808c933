using System.Text;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Data.Instructions;

/// <summary>Collects the ids of tokens and of the text between them, each stretch of which is encoded as a whole.</summary>
/// <param name="tokenizer">Encodes the text; special tokens that are spelled out in it are ordinary text.</param>
/// <param name="start">What is before the first stretch.</param>
/// <param name="cancellationToken">Cancels encoding.</param>
internal sealed class StretchEncoder(ITextTokenizer tokenizer, TextStart start, CancellationToken cancellationToken)
{
    private readonly List<int> _ids = [];
    private readonly StringBuilder _text = new();
    private TextStart _start = start;

    /// <summary>What is before that which would be added next.</summary>
    public TextStart Next => _text.Length > 0 ? TextStart.AfterText : _start;

    /// <summary>Adds text to the current stretch.</summary>
    public void Text(ReadOnlySpan<char> text) => _text.Append(text);

    /// <summary>Adds a token, which ends the current stretch.</summary>
    public void Id(int id)
    {
        Flush();
        _ids.Add(id);
        _start = TextStart.AfterToken;
    }

    /// <summary>Returns the ids.</summary>
    public int[] ToIds()
    {
        Flush();
        return [.. _ids];
    }

    private void Flush()
    {
        if (_text.Length == 0) return;
        _ids.AddRange(tokenizer.Encode(_text.ToString(), SpecialTokens.Literal, _start, cancellationToken));
        _text.Clear();
        _start = TextStart.AfterText;
    }
}
