namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>What torch.save has put a pickle and storages into.</summary>
internal interface ITorchContainer
{
    /// <summary>What the container is called.</summary>
    string Format { get; }

    /// <summary>The saved object.</summary>
    object? Root { get; }

    /// <summary>Every storage that the object refers to, and the container has no others.</summary>
    IReadOnlyDictionary<string, StorageReference> Storages { get; }

    /// <summary>Finds a storage.</summary>
    /// <exception cref="InvalidDataException">It is not there, or its length is another than the pickle says.</exception>
    TorchStorage Find(StorageReference storage);
}
