using System.Globalization;
using System.Text.Json;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.Metadata;

/// <summary>A tokenizer as JSON: its kind, and its vocabulary if it has one of its own.</summary>
internal static class TokenizerJson
{
    /// <summary>Its key in the metadata of our files.</summary>
    public const string MetadataKey = "mlnet_gpt.tokenizer";

    private const string Kind = "kind";
    private const string Gpt2 = "gpt2";
    private const string Words = "words";
    private const string BytePairs = "bpe";
    private const string Tokens = "tokens";
    private const string Merges = "merges";
    private const string Specials = "specials";
    private const string Unknown = "unknown";
    private const string UnknownWord = "unknownWord";
    private const string EndOfText = "endOfText";
    private const string Size = "size"; // omitted if it is the model's
    private const string BeginningOfText = "beginningOfText"; // omitted if it is the end of text

    // Of byte-pair tokenizers; omitted if they are GPT-2's.
    private const string Ordinary = "ordinary"; // added tokens that are not special
    private const string StripsLeft = "stripsLeft", StripsRight = "stripsRight", SingleWords = "singleWords"; // ids
    private const string Hidden = "hidden", Bytes = "bytes", OtherEnds = "otherEnds"; // ids
    private const string Spellings = "spellings"; // of ordinary added tokens, by id, where they are not their bytes
    private const string Split = "split", Prefix = "spacePrefix", Scores = "scores", ChatTemplate = "chatTemplate";
    private const string Nfc = "nfc", Characters = "characters", DropsSpace = "dropsFirstSpace", IgnoresMerges = "ignoresMerges",
        FusesUnknown = "fusesUnknown", AddsBeginning = "addsBeginning"; // true or omitted

    /// <exception cref="ArgumentException">The tokenizer is of a kind that cannot be saved.</exception>
    public static string Write(ITextTokenizer tokenizer)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            var original = FittedTokenizer.Original(tokenizer);
            if (original.VocabularySize != tokenizer.VocabularySize) json.WriteNumber(Size, original.VocabularySize);
            switch (original)
            {
                case Gpt2Tokenizer:
                    json.WriteString(Kind, Gpt2);
                    break;
                case WordTokenizer words:
                    json.WriteString(Kind, Words);
                    json.WriteStartArray(Words);
                    foreach (string word in words.Words) json.WriteStringValue(word);
                    json.WriteEndArray();
                    if (words.UnknownWord is { } unknown) json.WriteString(UnknownWord, unknown);
                    if (words.EndOfTextId is { } endOfText) json.WriteString(EndOfText, words.Words[endOfText]);
                    if (words.BeginningOfTextId is { } beginning && beginning != words.EndOfTextId)
                    {
                        json.WriteString(BeginningOfText, words.Words[beginning]);
                    }

                    break;
                case BytePairTokenizer pairs:
                    WriteBytePairs(json, pairs);
                    break;
                case var other:
                    throw new ArgumentException(
                        $"A tokenizer of type {other.GetType()} cannot be saved in a checkpoint; "
                        + $"{nameof(Gpt2Tokenizer)}, {nameof(BytePairTokenizer)} and {nameof(WordTokenizer)} can.",
                        nameof(tokenizer));
            }

            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <summary>Reads a tokenizer and fits it to its model.</summary>
    /// <exception cref="InvalidDataException">
    /// The JSON is not a tokenizer, or not that of the model; the message names the file.
    /// </exception>
    public static ITextTokenizer Read(string file, string json, int vocabularySize)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var tokenizer = Read(file, document.RootElement);
            bool isWhole = tokenizer.VocabularySize == (Id(document.RootElement, Size) ?? vocabularySize);
            return isWhole
                ? FittedTokenizer.Of(tokenizer, vocabularySize)
                : throw new InvalidDataException(
                    $"'{file}' is damaged: its tokenizer has {tokenizer.VocabularySize} ids, its model {vocabularySize}.");
        }
        catch (Exception error) when (
            error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"'{file}' does not contain a valid tokenizer: {error.Message}", error);
        }
    }

    /// <summary>Returns whether an object has the form that this class writes.</summary>
    public static bool IsIn(JsonElement root) => root.TryGetProperty(Kind, out _);

    /// <summary>
    /// Reads the object that <see cref="Write"/> writes; the caller catches the exceptions of damaged JSON.
    /// </summary>
    public static ITextTokenizer Read(string file, JsonElement root)
    {
        string? kind = root.GetProperty(Kind).GetString();
        return kind switch
        {
            Gpt2 => Gpt2Tokenizer.Instance,
            Words => new WordTokenizer(
                root.GetProperty(Words).EnumerateArray().Select(word => word.GetString()!),
                Optional(root, UnknownWord),
                Optional(root, EndOfText),
                Optional(root, BeginningOfText)),
            BytePairs => ReadBytePairs(root),
            _ =>
                throw new InvalidDataException(
                    $"'{file}' has a tokenizer of kind '{kind}'; only '{Gpt2}', '{BytePairs}' and '{Words}' are supported."),
        };
    }

    private static void WriteBytePairs(Utf8JsonWriter json, BytePairTokenizer tokenizer)
    {
        json.WriteString(Kind, BytePairs);
        json.WriteStartArray(Tokens);
        for (int id = 0; id < tokenizer.VocabularySize; id++) json.WriteBase64StringValue(tokenizer.TokenBytes(id).Span);
        json.WriteEndArray();
        var rules = tokenizer.Rules;
        json.WriteStartArray(Merges); // two ids per merge
        foreach (var (left, right) in rules.Scores is null ? tokenizer.Merges : [])
        {
            json.WriteNumberValue(left);
            json.WriteNumberValue(right);
        }

        json.WriteEndArray();
        json.WriteStartArray(Specials);
        foreach (int id in tokenizer.SpecialIds) json.WriteNumberValue(id);
        json.WriteEndArray();
        WriteIds(json, Ordinary, tokenizer.Added.Where(token => !token.IsSpecial).Select(token => token.Id));
        AddedToken[] spelled = [.. tokenizer.Added.Where(token => token.Text != TextOf(tokenizer.TokenBytes(token.Id).Span))];
        if (spelled.Length > 0)
        {
            json.WriteStartObject(Spellings);
            foreach (var token in spelled) json.WriteString(token.Id.ToString(CultureInfo.InvariantCulture), token.Text);
            json.WriteEndObject();
        }

        WriteIds(json, StripsLeft, tokenizer.Added.Where(token => token.StripsLeft).Select(token => token.Id));
        WriteIds(json, StripsRight, tokenizer.Added.Where(token => token.StripsRight).Select(token => token.Id));
        WriteIds(json, SingleWords, tokenizer.Added.Where(token => token.IsSingleWord).Select(token => token.Id));
        WriteIds(json, Hidden, tokenizer.HiddenIds);
        WriteIds(json, Bytes, rules.ByteIds ?? []);
        WriteIds(json, OtherEnds, rules.OtherEndIds);
        if (rules.Split != TextSplit.Gpt2) json.WriteString(Split, rules.Split.ToString());
        if (rules.SpacePrefix != SpacePrefix.None) json.WriteString(Prefix, rules.SpacePrefix.ToString());
        WriteFlag(json, Nfc, rules.NormalizesToNfc);
        WriteFlag(json, Characters, rules.MergesCharacters);
        WriteFlag(json, DropsSpace, rules.DropsFirstSpace);
        WriteFlag(json, IgnoresMerges, rules.IgnoresMerges);
        WriteFlag(json, FusesUnknown, rules.FusesUnknown);
        WriteFlag(json, AddsBeginning, rules.AddsBeginningOfText);
        if (rules.ChatTemplate is { } template) json.WriteString(ChatTemplate, template);
        if (rules.Scores is { } scores)
        {
            json.WriteStartArray(Scores);
            foreach (float score in scores) json.WriteNumberValue(BitConverter.SingleToInt32Bits(score)); // also of infinity
            json.WriteEndArray();
        }

        if (tokenizer.EndOfTextId is { } endOfText) json.WriteNumber(EndOfText, endOfText);
        if (tokenizer.BeginningOfTextId is { } beginning && beginning != tokenizer.EndOfTextId)
        {
            json.WriteNumber(BeginningOfText, beginning);
        }

        if (tokenizer.UnknownId is { } unknown) json.WriteNumber(Unknown, unknown);
    }

    private static BytePairTokenizer ReadBytePairs(JsonElement root)
    {
        int[] merges = Ids(root, Merges);
        if (merges.Length % 2 != 0) throw new JsonException("The last merge has only one id.");
        byte[][] tokens = [.. root.GetProperty(Tokens).EnumerateArray().Select(token => token.GetBytesFromBase64())];
        int[] ordinary = Ids(root, Ordinary), bytes = Ids(root, Bytes), otherEnds = Ids(root, OtherEnds);
        HashSet<int> specials = [.. Ids(root, Specials)], words = [.. Ids(root, SingleWords)];
        HashSet<int> left = [.. Ids(root, StripsLeft)], right = [.. Ids(root, StripsRight)];
        TokenIds.Validate([.. specials, .. ordinary], tokens.Length, Specials);
        Dictionary<int, string> spellings = [];
        foreach (var spelling in root.TryGetProperty(Spellings, out var all) ? all.EnumerateObject() : default)
        {
            spellings.Add(int.Parse(spelling.Name, CultureInfo.InvariantCulture), spelling.Value.GetString()!);
        }

        AddedToken[] added = [
            .. specials.Concat(ordinary).Distinct().Select(id => new AddedToken(id, spellings.GetValueOrDefault(id) ?? TextOf(tokens[id]))
            {
                IsSpecial = specials.Contains(id),
                StripsLeft = left.Contains(id),
                StripsRight = right.Contains(id),
                IsSingleWord = words.Contains(id),
            })
        ];
        var rules = new TokenizerRules
        {
            Split = Value<TextSplit>(root, Split),
            SpacePrefix = Value<SpacePrefix>(root, Prefix),
            NormalizesToNfc = IsSet(root, Nfc),
            MergesCharacters = IsSet(root, Characters),
            DropsFirstSpace = IsSet(root, DropsSpace),
            IgnoresMerges = IsSet(root, IgnoresMerges),
            FusesUnknown = IsSet(root, FusesUnknown),
            AddsBeginningOfText = IsSet(root, AddsBeginning),
            ByteIds = bytes.Length == 0 ? null : bytes,
            OtherEndIds = otherEnds.Length == 0 ? TokenizerRules.Gpt2.OtherEndIds : otherEnds,
            ChatTemplate = Optional(root, ChatTemplate),
            Scores = root.TryGetProperty(Scores, out _) ? [.. Ids(root, Scores).Select(BitConverter.Int32BitsToSingle)] : null,
        };
        return new(
            tokens,
            [.. merges.Chunk(2).Select(pair => (pair[0], pair[1]))],
            added,
            Ids(root, Hidden),
            Id(root, EndOfText),
            Id(root, Unknown),
            Id(root, BeginningOfText),
            rules);
    }

    private static string TextOf(ReadOnlySpan<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes);

    private static void WriteIds(Utf8JsonWriter json, string key, IEnumerable<int> ids)
    {
        if (!ids.Any()) return;
        json.WriteStartArray(key);
        foreach (int id in ids) json.WriteNumberValue(id);
        json.WriteEndArray();
    }

    private static void WriteFlag(Utf8JsonWriter json, string key, bool isSet)
    {
        if (isSet) json.WriteBoolean(key, true);
    }

    private static int[] Ids(JsonElement root, string key) =>
        root.TryGetProperty(key, out var value) ? [.. value.EnumerateArray().Select(id => id.GetInt32())] : [];

    private static bool IsSet(JsonElement root, string key) => root.TryGetProperty(key, out var value) && value.GetBoolean();

    private static T Value<T>(JsonElement root, string key)
        where T : struct, Enum
    {
        if (Optional(root, key) is not { } name) return default;
        return Enum.IsDefined(typeof(T), name) ? Enum.Parse<T>(name) : throw new JsonException($"'{key}' is '{name}', which is not known.");
    }

    private static int? Id(JsonElement root, string key) => root.TryGetProperty(key, out var value) ? value.GetInt32() : null;

    private static string? Optional(JsonElement root, string key) => root.TryGetProperty(key, out var value) ? value.GetString() : null;
}
