using System.Globalization;
using System.Text;
using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.IO;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// What the files around a vocabulary say about it: tokens that were added to it, and which tokens begin and end a
/// document. If two files disagree, those of the tokenizer win over those of the model, because they name a token
/// instead of an id, which may be stale after a vocabulary was replaced.
/// </summary>
internal sealed class TokenizerSettings
{
    private const int SizeLimit = 64 << 20, TemplateLimit = 1 << 20;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private const string EndRole = "eos_token", BeginningRole = "bos_token", UnknownRole = "unk_token",
        MoreRoles = "additional_special_tokens";

    // transformers recognizes each of these as a whole, like the additional ones.
    private static readonly string[] AllRoles = [BeginningRole, EndRole, UnknownRole, "sep_token", "pad_token", "cls_token", "mask_token"];

    // By role, the tokens named by the tokenizer's files and the ids named by the model's files, the most trusted
    // first.
    private readonly Dictionary<string, List<string>> _tokens = [];
    private readonly Dictionary<string, List<int>> _ids = [];
    private readonly HashSet<string> _special = new(StringComparer.Ordinal);
    private readonly List<(string Path, AddedToken Token)> _added = [];
    private readonly List<int> _endIds = [];
    private readonly string _folder;
    private bool _hasNoEnd;

    private TokenizerSettings(string folder) => _folder = folder;

    /// <summary>The token for unknown text, or <see langword="null"/> if the files do not name one.</summary>
    public string? Unknown => _tokens.GetValueOrDefault(UnknownRole)?.FirstOrDefault();

    /// <summary>Whether a space is put before each text, or <see langword="null"/> if the files do not say.</summary>
    public bool? AddsPrefixSpace { get; private set; }

    /// <summary>Whether a prompt begins with the beginning-of-text token, or <see langword="null"/> if the files do not say.</summary>
    public bool? AddsBeginning { get; private set; }

    /// <summary>The template of conversations, or <see langword="null"/>.</summary>
    public string? ChatTemplate { get; private set; }

    /// <summary>The name of transformers' tokenizer, or <see langword="null"/>.</summary>
    public string? TokenizerClass { get; private set; }

    /// <summary>Reads the files of a folder; each may be missing.</summary>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    public static TokenizerSettings Read(string folder)
    {
        var settings = new TokenizerSettings(folder);
        settings.ReadFile(HuggingFaceConstants.TokenizerConfigFile, settings.ReadSettings);
        string template = Path.Combine(folder, HuggingFaceConstants.ChatTemplateFile);
        if (File.Exists(template)) settings.ChatTemplate = ReadTemplate(template);
        settings.ReadFile(HuggingFaceConstants.SpecialTokensFile, (_, root) => settings.ReadRoles(root));
        settings.ReadFile(HuggingFaceConstants.AddedTokensFile, (path, root) =>
        {
            foreach (var token in root.EnumerateObject())
            {
                settings._added.Add((path, new(token.Value.GetInt32(), token.Name) { IsSpecial = settings._special.Contains(token.Name) }));
            }
        });
        settings.ReadFile(HuggingFaceConstants.GenerationConfigFile, (_, root) => settings.ReadIds(root));
        settings.ReadFile(HuggingFaceConstants.ConfigFile, (_, root) => settings.ReadIds(root));
        return settings;
    }

    /// <summary>
    /// Adds the tokens that are not in a vocabulary file, and adds all that are recognized as a whole to those that the
    /// vocabulary's file names itself, which stay as they are apart from being special.
    /// </summary>
    /// <param name="ids">Ids by spelling.</param>
    /// <param name="added">Those that are recognized as a whole.</param>
    /// <param name="canBeSpecial">Whether no merge needs a token.</param>
    public void AddTokens(Dictionary<string, int> ids, List<AddedToken> added, Func<string, bool> canBeSpecial)
    {
        var known = added.Select(token => token.Id).ToHashSet();
        foreach (var (path, token) in _added)
        {
            Add(path, ids, token.Text, token.Id);
            if (known.Add(token.Id)) added.Add(token);
        }

        foreach (string text in _special)
        {
            if (ids.TryGetValue(text, out int id) && canBeSpecial(text)) MakeSpecial(added, id, text);
        }
    }

    /// <summary>Makes a token special, whether or not it was recognized as a whole.</summary>
    public static void MakeSpecial(List<AddedToken> added, int id, string text)
    {
        int index = added.FindIndex(token => token.Id == id);
        if (index < 0) added.Add(new(id, text));
        else added[index] = added[index] with { IsSpecial = true };
    }

    /// <summary>Assigns a token its id.</summary>
    /// <exception cref="InvalidDataException">It has another id.</exception>
    public static void Add(string path, Dictionary<string, int> ids, string content, int id)
    {
        if (!ids.TryAdd(content, id) && ids[content] != id)
        {
            throw new InvalidDataException($"'{path}' gives '{content}' the ids {ids[content]} and {id}.");
        }
    }

    /// <summary>Reads an added token, which is special unless the file says otherwise.</summary>
    public static AddedToken ReadAdded(int id, JsonElement token) =>
        new(id, ContentOf(token) ?? throw new JsonException("An added token has no content."))
        {
            IsSpecial = IsOn(token, "special") ?? true,
            StripsLeft = IsOn(token, "lstrip") ?? false,
            StripsRight = IsOn(token, "rstrip") ?? false,
            IsSingleWord = IsOn(token, "single_word") ?? false,
        };

    /// <summary>
    /// Returns the ids that begin and end a document: those that the files name or, for the end, the token with GPT-2's
    /// spelling.
    /// </summary>
    /// <param name="tokens">Spellings by id.</param>
    /// <param name="ids">Ids by spelling.</param>
    /// <param name="special">Ids that are recognized as a whole.</param>
    /// <param name="canBeSpecial">Whether no merge needs a token.</param>
    public (int? Beginning, int? End) FindEnds(
        IReadOnlyList<string> tokens, IReadOnlyDictionary<string, int> ids, IReadOnlySet<int> special, Func<string, bool> canBeSpecial)
    {
        int? end = Find(EndRole, tokens, ids, canBeSpecial);
        if (end is null && !_hasNoEnd && ids.TryGetValue(Gpt2Vocabulary.EndOfText, out int spelled) && special.Contains(spelled))
        {
            end = spelled;
        }

        return (Find(BeginningRole, tokens, ids, canBeSpecial), end);
    }

    /// <summary>Returns the ids that the model's files name as ends of a text, if they name several.</summary>
    /// <param name="tokens">Spellings by id.</param>
    /// <param name="canBeSpecial">Whether no merge needs a token.</param>
    public IEnumerable<int> FindMoreEnds(IReadOnlyList<string> tokens, Func<string, bool> canBeSpecial) =>
        _endIds.Where(id => id >= 0 && id < tokens.Count && canBeSpecial(tokens[id])).Distinct();

    private static bool? IsOn(JsonElement element, string name) => element.Optional(name)?.GetBoolean();

    private int? Find(string role, IReadOnlyList<string> tokens, IReadOnlyDictionary<string, int> ids, Func<string, bool> canBeSpecial)
    {
        foreach (string token in _tokens.GetValueOrDefault(role) ?? [])
        {
            if (ids.TryGetValue(token, out int id) && canBeSpecial(token)) return id;
        }

        // An id can be left over from GPT2Config's defaults, and is then an ordinary token of this vocabulary, or none
        // at all.
        foreach (int id in _ids.GetValueOrDefault(role) ?? [])
        {
            if (id >= 0 && id < tokens.Count && canBeSpecial(tokens[id])) return id;
        }

        return null;
    }

    private void ReadFile(string name, Action<string, JsonElement> read)
    {
        string path = Path.Combine(_folder, name);
        if (!File.Exists(path)) return;
        JsonFile.Read(path, SizeLimit, root =>
        {
            read(path, root);
            return true;
        });
    }

    private void ReadSettings(string path, JsonElement root)
    {
        AddsPrefixSpace = IsOn(root, "add_prefix_space");
        AddsBeginning = IsOn(root, "add_bos_token");
        TokenizerClass = root.Optional("tokenizer_class")?.GetString();
        ChatTemplate = root.Optional("chat_template") is { } template ? TemplateOf(template) : null;
        foreach (var token in root.Optional("added_tokens_decoder")?.EnumerateObject() ?? default)
        {
            if (!int.TryParse(token.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
            {
                throw new JsonException($"The added token '{ContentOf(token.Value)}' has the id '{token.Name}'.");
            }

            _added.Add((path, ReadAdded(id, token.Value)));
        }

        _hasNoEnd = root.TryGetProperty(EndRole, out var end) && end.ValueKind == JsonValueKind.Null;
        ReadRoles(root);
    }

    private void ReadRoles(JsonElement root)
    {
        foreach (string role in AllRoles)
        {
            if (root.Optional(role) is not { } value || ContentOf(value) is not { } content) continue;
            if (!_tokens.TryGetValue(role, out var tokens)) _tokens.Add(role, tokens = []);
            tokens.Add(content);
            _special.Add(content);
        }

        if (root.Optional(MoreRoles) is not { ValueKind: JsonValueKind.Array } more) return;
        foreach (var token in more.EnumerateArray())
        {
            if (ContentOf(token) is { } content) _special.Add(content);
        }
    }

    // A model can have several ids that end a text; the first one is its tokenizer's.
    private void ReadIds(JsonElement root)
    {
        foreach (string role in (ReadOnlySpan<string>)[BeginningRole, EndRole])
        {
            if (root.Optional(role + "_id") is not { } value) continue;
            if (value.ValueKind == JsonValueKind.Array)
            {
                if (role == EndRole) _endIds.AddRange(value.EnumerateArray().Select(each => each.TryGetInt32(out int end) ? end : -1));
                value = value.EnumerateArray().FirstOrDefault();
            }

            if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out int id)) continue;
            if (!_ids.TryGetValue(role, out var ids)) _ids.Add(role, ids = []);
            ids.Add(id);
        }
    }

    // A token is text, or an object that says more about it.
    private static string? ContentOf(JsonElement token) => token.ValueKind switch
    {
        JsonValueKind.String => token.GetString(),
        JsonValueKind.Object => token.Optional("content")?.GetString(),
        _ => null,
    };

    private static string ReadTemplate(string path)
    {
        try
        {
            return StrictUtf8.GetString(JsonFile.WithoutMark(PositionedFile.ReadAll(path, TemplateLimit)).Span);
        }
        catch (DecoderFallbackException error)
        {
            throw new InvalidDataException($"'{path}' is not valid UTF-8: {error.Message}", error);
        }
    }

    // One template, or several with names.
    private static string? TemplateOf(JsonElement template) => template.ValueKind switch
    {
        JsonValueKind.String => template.GetString(),
        JsonValueKind.Array => template.EnumerateArray()
            .Where(each => each.Optional("name")?.GetString() == "default")
            .Select(each => each.Optional("template")?.GetString())
            .FirstOrDefault(),
        _ => throw new JsonException($"The chat_template is {template.ValueKind} instead of text."),
    };
}
