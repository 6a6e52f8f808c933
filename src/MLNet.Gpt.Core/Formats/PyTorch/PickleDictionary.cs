namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>A Python dictionary, of which the entries with text for a key are kept.</summary>
internal sealed class PickleDictionary
{
    private Dictionary<string, object?>? _entries;

    /// <summary>Entries with text for a key, in the order of the file.</summary>
    public IEnumerable<KeyValuePair<string, object?>> Entries => _entries ?? [];

    /// <summary>Adds an entry; one whose key is no text is left out.</summary>
    /// <returns>Whether no entry had the key.</returns>
    public bool TryAdd(object? key, object? value) => key is not string text || (_entries ??= new(StringComparer.Ordinal)).TryAdd(text, value);

    /// <summary>The value of a key, or <see langword="null"/>.</summary>
    public object? this[string key] => _entries?.GetValueOrDefault(key);
}
