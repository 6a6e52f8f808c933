using System.Buffers;

namespace MLNet.Gpt.Tokenization;

/// <summary>Writes the ids of a text, the only step of encoding in which this library's tokenizers differ.</summary>
internal interface IIdWriter
{
    /// <summary>Adds the ids of a text.</summary>
    void Write(ReadOnlySpan<char> text, SpecialTokens specialTokens, ref IdBuffer ids);
}

/// <summary>What is before a text.</summary>
internal enum TextStart
{
    /// <summary>Nothing: it is a text by itself.</summary>
    Beginning,

    /// <summary>A special token.</summary>
    AfterToken,

    /// <summary>More of the same text.</summary>
    AfterText,
}

/// <summary>Collects ids in a rented array, or only counts them.</summary>
internal ref struct IdBuffer
{
    private int[]? _ids;

    /// <summary>What is before the text.</summary>
    public TextStart Start { get; private init; }

    /// <summary>Cancels the encoding; to be checked for each piece of a text, and in the middle of a long one.</summary>
    public CancellationToken CancellationToken { get; private init; }

    /// <summary>Number of ids added so far.</summary>
    public int Count { get; private set; }

    /// <summary>Whether ids are only counted.</summary>
    public readonly bool IsCounting => _ids is null;

    /// <summary>Returns the ids that a tokenizer writes for a text.</summary>
    public static int[] Encode(
        IIdWriter tokenizer,
        ReadOnlySpan<char> text,
        SpecialTokens specialTokens,
        CancellationToken cancellationToken = default,
        TextStart start = TextStart.Beginning)
    {
        var ids = new IdBuffer
        {
            _ids = ArrayPool<int>.Shared.Rent((text.Length / 4) + 16),
            CancellationToken = cancellationToken,
            Start = start,
        };
        tokenizer.Write(text, specialTokens, ref ids);
        return ids.Detach();
    }

    /// <summary>Returns the number of ids that a tokenizer writes for a text.</summary>
    public static int CountOf(IIdWriter tokenizer, ReadOnlySpan<char> text, SpecialTokens specialTokens)
    {
        IdBuffer ids = default;
        tokenizer.Write(text, specialTokens, ref ids);
        return ids.Count;
    }

    /// <summary>Counts ids without keeping them.</summary>
    public void AddCount(int count) => Count = checked(Count + count);

    public void AddRange(IReadOnlyList<int> ids)
    {
        for (int i = 0; i < ids.Count; i++) Add(ids[i]);
    }

    public void Add(int id)
    {
        if (_ids is not null)
        {
            if (Count == _ids.Length) Grow();
            _ids[Count] = id;
        }

        Count++;
    }

    // Copies the ids to a new array and returns the rented one.
    private int[] Detach()
    {
        int[] ids = _ids.AsSpan(0, Count).ToArray();
        ArrayPool<int>.Shared.Return(_ids!);
        _ids = null;
        return ids;
    }

    private void Grow()
    {
        int[] larger = ArrayPool<int>.Shared.Rent(checked(2 * Count));
        _ids!.CopyTo(larger, 0);
        ArrayPool<int>.Shared.Return(_ids!);
        _ids = larger;
    }
}
