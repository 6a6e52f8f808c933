using System.Buffers;
using System.Text.Json;

namespace MLNet.Gpt.Evaluation;

/// <summary>Reads the lines of a result file.</summary>
internal static class ResultLines
{
    /// <summary>The whole lines from the stream's position on, each with the place after it. A last line that was cut short is left out.</summary>
    /// <exception cref="InvalidDataException">A line that is not the last is no line of a result file.</exception>
    public static IEnumerable<(ResultLine Line, long End)> Read(Stream stream, string path)
    {
        var pending = new ArrayBufferWriter<byte>(1 << 16);
        long end = stream.Position;
        bool isBroken = false;
        while (true)
        {
            int newLine = pending.WrittenSpan.IndexOf((byte)'\n');
            if (newLine < 0)
            {
                int read = stream.Read(pending.GetSpan(1 << 16));
                if (read == 0) yield break;
                pending.Advance(read);
                continue;
            }

            if (isBroken) throw new InvalidDataException($"'{path}' is damaged: the line that ends at byte {end} is no line of a result file.");
            var parsed = Parse(pending.WrittenSpan[..newLine]);
            end += newLine + 1;
            byte[] rest = pending.WrittenSpan[(newLine + 1)..].ToArray();
            pending.ResetWrittenCount();
            pending.Write(rest);
            isBroken = parsed is null;
            if (parsed is not null) yield return (parsed, end);
        }
    }

    /// <exception cref="InvalidDataException">The line's sums cannot be read.</exception>
    public static PieceResult ToResult(ResultLine.PieceLine line, string path)
    {
        try
        {
            return line.ToResult();
        }
        catch (FormatException error)
        {
            throw new InvalidDataException($"'{path}' is damaged at piece {line.Index}: {error.Message}", error);
        }
    }

    private static ResultLine? Parse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, ResultJsonContext.Readable.ResultLine);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
