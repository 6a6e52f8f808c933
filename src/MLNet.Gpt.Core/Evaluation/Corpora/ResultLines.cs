using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MLNet.Gpt.Evaluation.Scoring;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>
/// Reads and writes the lines of a result file: a header, the chunks of the shard in order, an end. From version 2 on,
/// each line ends with a hash of its contents, so that damage is not mistaken for another result.
/// </summary>
internal static class ResultLines
{
    private const int BufferLength = 1 << 16, HashLength = 16; // bytes, hexadecimal digits

    // The line without its closing brace, then: ,"check":"0123456789abcdef"}
    private static readonly byte[] CheckStart = ",\"check\":\""u8.ToArray(), CheckEnd = "\"}"u8.ToArray();

    private static int CheckLength => CheckStart.Length + HashLength + CheckEnd.Length;

    /// <summary>Returns a line as the bytes to write.</summary>
    public static byte[] Write(ResultLine line, int version)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(line, ResultJsonContext.Readable.ResultLine);
        return version == 1
            ? [.. json, (byte)'\n']
            : [.. json[..^1], .. CheckStart, .. Hash(json.AsSpan(0, json.Length - 1)), .. CheckEnd, (byte)'\n'];
    }

    /// <summary>
    /// Reads the complete lines of a file from its beginning, each with the offset after it. An interrupted run leaves
    /// an incomplete last line, which is skipped; a missing end or missing last chunks are not an error.
    /// </summary>
    /// <exception cref="InvalidDataException">A line is damaged or out of place.</exception>
    public static IEnumerable<(ResultLine Line, long End)> Read(Stream stream, string path)
    {
        stream.Position = 0;
        ResultHeader? header = null;
        bool isBroken = false, isOver = false;
        long chunks = 0, end = 0;
        foreach (var bytes in Split(stream))
        {
            if (isBroken) throw Damaged(path, $"the line at byte {end} is not one of a result file");
            var line = Parse(bytes.Span, header?.Version);
            end += bytes.Length + 1;
            isBroken = line is null; // at the end of the file, a line may be incomplete
            if (line is null) continue;
            if (isOver) throw Damaged(path, "something follows its end");
            if (header is null != line.Header is not null)
            {
                throw header is null
                    ? new InvalidDataException($"'{path}' does not begin with the header of a result file.")
                    : Damaged(path, "it has a second header");
            }

            header ??= Valid(line.Header!, path);
            if ((line.Piece?.Index ?? line.Question?.Index) is { } index && index != header.Shard + (chunks++ * header.ShardCount))
            {
                throw Damaged(path, $"chunk {index} is not the next one");
            }

            if (line.End is { } last)
            {
                isOver = true;
                long expected = Math.Max(0, (last.PieceCount - header.Shard + header.ShardCount - 1) / header.ShardCount);
                if (chunks != expected) throw Damaged(path, $"it has {chunks} of {expected} chunks");
            }

            yield return (line, end);
        }
    }

    /// <exception cref="InvalidDataException">The sums of the line cannot be parsed.</exception>
    public static ChunkResult ToResult(ResultLine.ChunkLine line, ResultHeader header, string path)
    {
        try
        {
            var result = line.ToResult(header.VocabularySize);
            return header.HasBlocks ? result : result.WithoutBlocks();
        }
        catch (Exception error) when (error is FormatException or OverflowException)
        {
            throw new InvalidDataException($"'{path}' is damaged at chunk {line.Index}: {error.Message}", error);
        }
    }

    private static ResultHeader Valid(ResultHeader header, string path)
    {
        if (header.Version is < 1 or > ResultHeader.CurrentVersion)
        {
            throw new InvalidDataException(
                $"'{path}' has version {header.Version}; versions 1 to {ResultHeader.CurrentVersion} can be read.");
        }

        return header.VocabularySize >= 1 && header.ShardCount >= 1 && header.Shard >= 0 && header.Shard < header.ShardCount
            ? header
            : throw Damaged(
                path,
                $"its header has shard {header.Shard} of {header.ShardCount} and a vocabulary of {header.VocabularySize} tokens");
    }

    private static InvalidDataException Damaged(string path, string what) => new($"'{path}' is damaged: {what}.");

    // Returns the lines that end with a line break, without it; each is valid until the next is requested.
    private static IEnumerable<ReadOnlyMemory<byte>> Split(Stream stream)
    {
        byte[] buffer = new byte[BufferLength];
        int start = 0, searched = 0, filled = 0;
        while (true)
        {
            int length = buffer.AsSpan(searched, filled - searched).IndexOf((byte)'\n');
            if (length >= 0)
            {
                int lineEnd = searched + length;
                yield return buffer.AsMemory(start, lineEnd - start);
                start = searched = lineEnd + 1;
                continue;
            }

            if (start > 0) buffer.AsSpan(start, filled - start).CopyTo(buffer);
            (filled, start) = (filled - start, 0);
            searched = filled;
            if (filled == buffer.Length) Array.Resize(ref buffer, checked(buffer.Length * 2));
            int read = stream.Read(buffer.AsSpan(filled));
            if (read == 0) yield break;
            filled += read;
        }
    }

    // Returns null if the line is not valid: its hash or JSON is wrong, or it is not of exactly one kind. The version
    // is unknown until the header line is parsed.
    private static ResultLine? Parse(ReadOnlySpan<byte> bytes, int? version)
    {
        int contents = bytes.Length - CheckLength;
        bool hasCheck = contents > 0 && bytes[contents..].StartsWith(CheckStart) && bytes.EndsWith(CheckEnd);
        if (hasCheck && !bytes.Slice(contents + CheckStart.Length, HashLength).SequenceEqual(Hash(bytes[..contents]))) return null;
        try
        {
            var line = JsonSerializer.Deserialize(bytes, ResultJsonContext.Readable.ResultLine);
            version ??= line?.Header?.Version;
            if (!hasCheck && version != 1) return null;
            bool isOfOneKind = line is { Header: not null, Piece: null, Question: null, End: null }
                or { Header: null, Piece: not null, Question: null, End: null }
                or { Header: null, Piece: null, Question: not null, End: null }
                or { Header: null, Piece: null, Question: null, End: not null };
            return isOfOneKind ? line : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static byte[] Hash(ReadOnlySpan<byte> contents)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(contents, hash);
        return Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash[..(HashLength / 2)]));
    }
}
