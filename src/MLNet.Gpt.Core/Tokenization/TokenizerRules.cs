namespace MLNet.Gpt.Tokenization;

/// <summary>When a text of a SentencePiece vocabulary gets a space in front of it.</summary>
internal enum SpacePrefix
{
    /// <summary>Never: Gemma.</summary>
    None,

    /// <summary>At the beginning and after each added token: Llama 2.</summary>
    Always,

    /// <summary>There, unless a space is there already; for byte-level BPE as well.</summary>
    IfMissing,

    /// <summary>At the beginning of a text, unless a space is there already.</summary>
    IfMissingAtStart,
}

/// <summary>What a byte-pair tokenizer does besides merging. The defaults are GPT-2's.</summary>
internal sealed record TokenizerRules
{
    /// <summary>GPT-2's.</summary>
    public static TokenizerRules Gpt2 { get; } = new();

    /// <summary>How text is split before merging.</summary>
    public TextSplit Split { get; init; }

    /// <summary>Whether text is brought into Unicode's normalization form C.</summary>
    public bool NormalizesToNfc { get; init; }

    /// <summary>When a space is put before a text.</summary>
    public SpacePrefix SpacePrefix { get; init; }

    /// <summary>Whether a space at the beginning of decoded text is left out.</summary>
    public bool DropsFirstSpace { get; init; }

    /// <summary>Whether a piece that is a token is taken as it is, even if merging does not lead to it.</summary>
    public bool IgnoresMerges { get; init; }

    /// <summary>Whether merging begins with characters, as in SentencePiece's vocabularies, instead of bytes.</summary>
    public bool MergesCharacters { get; init; }

    /// <summary>
    /// The ids of the 256 bytes, in which characters without a token are written if merging begins with characters;
    /// <see langword="null"/> if such characters are unknown.
    /// </summary>
    public IReadOnlyList<int>? ByteIds { get; init; }

    /// <summary>Whether unknown characters next to each other are one unknown token.</summary>
    public bool FusesUnknown { get; init; }

    /// <summary>
    /// SentencePiece's scores, by id: the pair that makes the token with the highest score is merged first.
    /// <see langword="null"/> if merges are listed.
    /// </summary>
    public IReadOnlyList<float>? Scores { get; init; }

    /// <summary>Whether a prompt begins with the beginning-of-text token.</summary>
    public bool AddsBeginningOfText { get; init; }

    /// <summary>The ids that end a text, apart from the end-of-text id.</summary>
    public IReadOnlyList<int> OtherEndIds { get; init; } = [];

    /// <summary>The template of conversations, in Jinja.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>Normalizes a text between two added tokens, and puts a space before it if the rules say so.</summary>
    /// <param name="text">Well-formed UTF-16, not empty.</param>
    /// <param name="isFirst">Whether it begins the whole text.</param>
    /// <param name="isAfterToken">Whether it begins the whole text or follows an added token.</param>
    public ReadOnlySpan<char> Prepare(ReadOnlySpan<char> text, bool isFirst, bool isAfterToken)
    {
        if (NormalizesToNfc) text = WellFormedText.ToNfc(text);
        if (MergesCharacters && text.Contains(BytePairTokenizer.SpelledSpace))
        {
            text = text.ToString().Replace(BytePairTokenizer.SpelledSpace, ' ');
        }

        bool isPrefixed = SpacePrefix switch
        {
            SpacePrefix.Always => isAfterToken,
            SpacePrefix.IfMissing => isAfterToken && text[0] != ' ',
            SpacePrefix.IfMissingAtStart => isFirst && text[0] != ' ',
            _ => false,
        };
        return isPrefixed ? string.Concat(" ", text) : text;
    }

    /// <summary>Whether text becomes the same ids as with GPT-2's rules.</summary>
    public bool EncodesAsGpt2 => this with
    {
        AddsBeginningOfText = false, OtherEndIds = Gpt2.OtherEndIds, ChatTemplate = null,
    } == Gpt2;
}
