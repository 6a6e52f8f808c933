using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Onnx;

/// <summary>
/// The second files of a model: <c>NAME.onnx.data</c> or, if that is taken, <c>NAME.onnx.2.data</c> and so on. A new
/// model's file gets an unused name, so that the old model keeps its weights until the new one is in place; then the
/// old weights are removed.
/// </summary>
internal static class OnnxDataFiles
{
    private const int LongestName = 255; // in bytes, on every common file system
    private const int LongestEnding = 24; // a number and ".data"
    private const int BufferSize = 1 << 20;

    /// <summary>Creates a file that is locked until it is disposed: no other export uses or removes it.</summary>
    /// <param name="model">The model's file, links followed.</param>
    /// <exception cref="IOException">The folder cannot be written to.</exception>
    public static FileStream Reserve(string model)
    {
        string folder = Path.GetDirectoryName(model)!, stem = StemOf(model);
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0,
        };
        if (WritableTarget.Mode(model) is { } mode && !OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
        try
        {
            Directory.CreateDirectory(folder);
            for (int number = 1; ; number++)
            {
                string ending = number == 1 ? "data" : string.Create(CultureInfo.InvariantCulture, $"{number}.data");
                string path = Path.Combine(folder, $"{stem}.{ending}");
                if (Path.Exists(path)) continue;
                try
                {
                    return new(path, options);
                }
                catch (IOException) when (Path.Exists(path))
                {
                    // Another export was faster.
                }
            }
        }
        catch (UnauthorizedAccessException error)
        {
            throw WritableTarget.Denied(model, error);
        }
    }

    /// <summary>
    /// Removes the files of replaced models: those that the current model does not name and that no export has locked.
    /// </summary>
    /// <param name="model">The model's file, links followed.</param>
    public static void RemoveUnused(string model)
    {
        var name = new Regex($@"^{Regex.Escape(StemOf(model))}(\.\d+)?\.data$", RegexOptions.CultureInvariant);
        foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(model)!, "*.data"))
        {
            if (!name.IsMatch(Path.GetFileName(file))) continue;
            try
            {
                // An export locks its file until its model is in place. A file that can be locked here is either the
                // current model's or unused.
                using var held = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Delete);
                if (!Names(model, Path.GetFileName(file))) File.Delete(file);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // In use; the next export to this path tries again.
            }
        }
    }

    // Different models have different stems, even if their names are too long to be spelled out.
    private static string StemOf(string model)
    {
        string name = Path.GetFileName(model);
        if (Encoding.UTF8.GetByteCount(name) <= LongestName - LongestEnding) return name;
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..16];
        var stem = new StringBuilder();
        int length = 0;
        foreach (var rune in name.EnumerateRunes())
        {
            length += rune.Utf8SequenceLength;
            if (length > LongestName - LongestEnding - hash.Length - 1) break;
            stem.Append(rune);
        }

        return $"{stem}~{hash}";
    }

    // A model spells out the names of its weight files. A coincidental match only keeps a file that could be removed.
    private static bool Names(string model, string data)
    {
        byte[] name = Encoding.UTF8.GetBytes(data), buffer = new byte[BufferSize];
        using var file = PositionedFile.Open(model);
        for (long offset = 0; offset < file.Length; offset += BufferSize - name.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(BufferSize, file.Length - offset));
            file.Fill(part, offset);
            if (part.IndexOf(name) >= 0) return true;
        }

        return false;
    }
}
