namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>Pickles that stand one after the other.</summary>
/// <param name="file">For messages.</param>
/// <param name="bytes">Holds them.</param>
internal sealed class PickleSequence(string file, byte[] bytes)
{
    private readonly Dictionary<string, StorageReference> _storages = new(StringComparer.Ordinal);
    private int _position;

    /// <summary>Where the bytes after the pickles read so far begin.</summary>
    public int Position => _position;

    /// <summary>Every storage that the pickles read so far refer to.</summary>
    public IReadOnlyDictionary<string, StorageReference> Storages => _storages;

    /// <summary>Reads the next pickle.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or holds what a state dict does not need.</exception>
    public object? Next() => Unpickler.Read(file, bytes, ref _position, _storages);
}
