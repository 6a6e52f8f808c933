using System.Security.Cryptography;
using System.Text.Json;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Training.Checkpoints;

/// <summary>
/// The contents of a checkpoint folder: the length and the SHA-256 of each file. It is written last, marks the folder
/// as ours, and makes damage detectable.
/// </summary>
/// <param name="Format"><see cref="Mark"/>.</param>
/// <param name="Version"><see cref="SavedTraining.CurrentVersion"/>.</param>
/// <param name="Run"><see cref="TrainingState.Run"/>.</param>
/// <param name="Step">The step of the weights.</param>
/// <param name="Files">The other files by name.</param>
internal sealed record CheckpointManifest(string Format, int Version, string Run, int Step, SortedDictionary<string, CheckpointFile> Files)
{
    public const string Mark = "mlnet-gpt-checkpoint", FileName = "manifest.json";

    private const int LongestFile = 1 << 20;

    /// <summary>Writes a file into a folder and records what was written.</summary>
    /// <param name="folder">The folder, which does not contain the file yet.</param>
    /// <param name="name">The file's name in it.</param>
    /// <param name="write">Writes the contents, front to back.</param>
    public void Write(string folder, string name, Action<Stream> write)
    {
        using var file = new FileStream(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write);
        using var hashing = new HashingStream(file);
        write(hashing);
        file.Flush(flushToDisk: true);
        Files.Add(name, new(file.Length, hashing.Sha256()));
    }

    /// <summary>Writes the manifest itself, after all other files.</summary>
    public void Save(string folder)
    {
        using var file = new FileStream(Path.Combine(folder, FileName), FileMode.CreateNew, FileAccess.Write);
        JsonSerializer.Serialize(file, this, CheckpointJsonContext.Default.CheckpointManifest);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Reads the manifest of a folder.</summary>
    /// <returns><see langword="null"/> if there is none, or it belongs to another program.</returns>
    /// <exception cref="InvalidDataException">It is damaged, or of a version that this library does not read.</exception>
    public static CheckpointManifest? Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return null;
        byte[] json = PositionedFile.ReadAll(path, LongestFile);
        try
        {
            var manifest = JsonSerializer.Deserialize(json, CheckpointJsonContext.Default.CheckpointManifest);
            if (manifest?.Format != Mark) return null;
            if (manifest.Version != SavedTraining.CurrentVersion)
            {
                throw new InvalidDataException(
                    $"'{path}' is of version {manifest.Version}; this library reads version {SavedTraining.CurrentVersion}.");
            }

            bool isWhole = manifest.Files?.Values.All(file => file?.Sha256 is not null) == true;
            return isWhole ? manifest : throw new JsonException("It names no files.");
        }
        catch (JsonException damaged)
        {
            throw new InvalidDataException($"'{path}' is damaged: {damaged.Message}", damaged);
        }
    }

    /// <summary>Reads every file of a folder and compares it with what was written.</summary>
    /// <param name="folder">The folder that the manifest was read from.</param>
    /// <param name="step">The step in the folder's name.</param>
    /// <param name="names">The files that must be there.</param>
    /// <exception cref="InvalidDataException">Something differs; the message names the file.</exception>
    public void Verify(string folder, int step, params ReadOnlySpan<string> names)
    {
        string own = Path.Combine(folder, FileName);
        if (Step != step) throw new InvalidDataException($"'{own}' is damaged: it says step {Step}, the folder's name says {step}.");
        foreach (string name in names)
        {
            if (!Files.TryGetValue(name, out var written)) throw new InvalidDataException($"'{own}' is damaged: it lacks {name}.");
            Verify(Path.Combine(folder, name), written);
        }
    }

    private static void Verify(string path, CheckpointFile written)
    {
        if (!File.Exists(path)) throw new InvalidDataException($"'{path}' is missing.");
        using var file = File.OpenRead(path);
        if (file.Length != written.Length)
        {
            throw new InvalidDataException(
                $"'{path}' is damaged: it has {Quantity.Of(file.Length, "byte")}, not the {written.Length} that were written.");
        }

        if (Convert.ToHexStringLower(SHA256.HashData(file)) != written.Sha256)
        {
            throw new InvalidDataException($"'{path}' is damaged: its bytes are not those that were written (SHA-256).");
        }
    }
}

/// <summary>A file as it was written.</summary>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Sha256">Its SHA-256 in hexadecimal digits.</param>
internal sealed record CheckpointFile(long Length, string Sha256);
