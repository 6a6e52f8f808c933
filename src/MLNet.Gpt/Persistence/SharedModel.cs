
namespace MLNet.Gpt.Persistence;

/// <summary>A model in a pipeline's file.</summary>
/// <param name="Model">The model.</param>
/// <param name="Folder">The folder of the transformer that it was written with, with slashes.</param>
/// <param name="Sha256">The checksum of that transformer's options and model; <see langword="null"/> in a file of version 1.</param>
internal sealed record SharedModel(GptModel Model, string Folder, string? Sha256);
