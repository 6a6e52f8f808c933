using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// What the files around a vocabulary say about it: tokens that were added to it, and which tokens begin and end a
/// document. If two files disagree, those of the tokenizer win over those of the model, because they name a token
/// instead of an id, which may be stale after a vocabulary was replaced.
/// </summary>
internal sealed class TokenizerSettings
{
    private const int SizeLimit = 64 << 20;
    private const string EndRole = "eos_token", BeginningRole = "bos_token", UnknownRole = "unk_token",
        MoreRoles = "additional_special_tokens";

    // transformers recognizes each of these as a whole, like the additional ones.
    private static readonly string[] AllRoles = [BeginningRole, EndRole, UnknownRole, "sep_token", "pad_token", "cls_token", "mask_token"];

    // By role, the tokens named by the tokenizer's files and the ids named by the model's files, the most trusted
    // first.
    private readonly Dictionary<string, List<string>> _tokens = [];
    private readonly Dictionary<string, List<int>> _ids = [];
    private readonly HashSet<string> _special = new(StringComparer.Ordinal);
    private readonly List<(string Path, string Content, int Id)> _added = [];
    private readonly string _folder;
    private bool _hasNoEnd;

    private TokenizerSettings(string folder) => _folder = folder;

    /// <summary>The token for unknown text, or <see langword="null"/> if the files do not name one.</summary>
    public string? Unknown => _tokens.GetValueOrDefault(UnknownRole)?.FirstOrDefault();

    /// <summary>Reads the files of a folder; each may be missing.</summary>
    /// <exception cref="InvalidDataException">
    /// A file is damaged, or requires something that GPT-2's kind of tokenizer does not do.
    /// </exception>
    public static TokenizerSettings Read(string folder)
    {
        var settings = new TokenizerSettings(folder);
        settings.ReadFile(HuggingFaceConstants.TokenizerConfigFile, settings.ReadSettings);
        settings.ReadFile(HuggingFaceConstants.SpecialTokensFile, (_, root) => settings.ReadRoles(root));
        settings.ReadFile(HuggingFaceConstants.AddedTokensFile, (path, root) =>
        {
            foreach (var token in root.EnumerateObject()) settings._added.Add((path, token.Name, token.Value.GetInt32()));
        });
        settings.ReadFile(HuggingFaceConstants.GenerationConfigFile, (_, root) => settings.ReadIds(root));
        settings.ReadFile(HuggingFaceConstants.ConfigFile, (_, root) => settings.ReadIds(root));
        return settings;
    }

    /// <summary>
    /// Adds the tokens that are not in a vocabulary file, and returns the ids of all that are recognized as a whole.
    /// </summary>
    /// <param name="ids">Ids by spelling.</param>
    /// <param name="canBeSpecial">Whether no merge needs a token.</param>
    public List<int> AddTokens(Dictionary<string, int> ids, Func<string, bool> canBeSpecial)
    {
        foreach (var (path, content, id) in _added) Add(path, ids, content, id);
        return [
            .. _added.Select(token => token.Id),
            .. _special.Where(token => ids.ContainsKey(token) && canBeSpecial(token)).Select(token => ids[token])
        ];
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

    /// <summary>Throws if an added token takes the characters around it into account.</summary>
    public static void CheckFlags(string path, string content, JsonElement token)
    {
        foreach (string name in (ReadOnlySpan<string>)["lstrip", "rstrip", "single_word"])
        {
            if (token.Optional(name)?.GetBoolean() == true)
            {
                throw HuggingFaceTokenizerReader.Different(path, $"{name} on for '{content}'", "it off");
            }
        }
    }

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
        if (root.Optional("add_prefix_space")?.GetBoolean() == true)
        {
            throw new InvalidDataException($"'{path}' puts a space before each text (add_prefix_space); GPT-2 does not.");
        }

        foreach (var token in root.Optional("added_tokens_decoder")?.EnumerateObject() ?? default)
        {
            string content = ContentOf(token.Value) ?? throw new JsonException("An added token has no content.");
            if (
                !int.TryParse(
                    token.Name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int id))
            {
                throw new JsonException($"The added token '{content}' has the id '{token.Name}'.");
            }

            CheckFlags(path, content, token.Value);
            _added.Add((path, content, id));
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

    // A model can have several ids that end a document; the first one is its tokenizer's.
    private void ReadIds(JsonElement root)
    {
        foreach (string role in (ReadOnlySpan<string>)[BeginningRole, EndRole])
        {
            if (root.Optional(role + "_id") is not { } value) continue;
            if (value.ValueKind == JsonValueKind.Array) value = value.EnumerateArray().FirstOrDefault();
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
}
