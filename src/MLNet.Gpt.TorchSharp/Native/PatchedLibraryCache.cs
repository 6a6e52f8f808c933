using System.Security.Cryptography;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// Keeps patched libraries in a directory that only its user can write to. A file is compared with the expected
/// content, byte for byte, before its path is returned; one that differs is replaced. Any number of processes may do so
/// at once.
/// </summary>
internal sealed class PatchedLibraryCache
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _directory;

    public PatchedLibraryCache(string directory) => _directory = directory;

    /// <summary>
    /// Returns the user's cache: <c>$XDG_CACHE_HOME/mlnet-gpt</c>, else <c>~/.cache/mlnet-gpt</c>;
    /// <see langword="null"/> for a user without a home directory.
    /// </summary>
    public static PatchedLibraryCache? OfUser()
    {
        // The XDG base directory specification says to ignore a relative path.
        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (Path.IsPathFullyQualified(cache ?? "")) return new(Path.Combine(cache!, "mlnet-gpt"));
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return home.Length == 0 ? null : new(Path.Combine(home, ".cache", "mlnet-gpt"));
    }

    /// <summary>
    /// Returns the path of a file with exactly this content. Its name contains a hash of the content, and it does not
    /// change for processes that have it loaded.
    /// </summary>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    /// <exception cref="UnauthorizedAccessException">
    /// The directory cannot be used, or belongs to another user.
    /// </exception>
    public string Store(string name, byte[] content)
    {
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(_directory, OwnerOnly);
            File.SetUnixFileMode(_directory, OwnerOnly); // fails if another user owns it
        }

        string hash = Convert.ToHexStringLower(SHA256.HashData(content))[..16];
        string path = Path.Combine(_directory, $"{Path.GetFileNameWithoutExtension(name)}-{hash}{Path.GetExtension(name)}");

        // A file is replaced, not overwritten: programs that have the old one loaded keep it.
        if (!Holds(path, content)) AtomicFile.Write(path, content.Length, stream => stream.Write(content));
        return path;
    }

    private static bool Holds(string path, byte[] content) =>
        File.Exists(path) && new FileInfo(path).Length == content.Length && File.ReadAllBytes(path).AsSpan().SequenceEqual(content);
}
