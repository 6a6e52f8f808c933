using MLNet.Gpt.Evaluation.Scoring;

namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>
/// The results of a shard as JSON Lines: a header, a line per chunk in order, and an end. An interrupted run leaves a
/// file without an end; an incomplete line is removed before more are added.
/// </summary>
internal sealed class ShardFile : IDisposable
{
    private readonly FileStream _stream;
    private ResultHeader _header;

    private ShardFile(string path, FileStream stream, ResultHeader header)
    {
        Path = path;
        _stream = stream;
        _header = header;
        Scan(header);
    }

    public string Path { get; }

    /// <summary>Whether the file contains all chunks of the shard.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Opens or creates the file, which no other process can open until it is closed.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or belongs to another measurement.</exception>
    public static ShardFile Open(string path, ResultHeader header)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
        var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        try
        {
            return new ShardFile(path, stream, header);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Reads the chunks in the file, in order.</summary>
    public IEnumerable<ChunkResult> ReadResults()
    {
        foreach (var (line, _) in ResultLines.Read(_stream, Path))
        {
            if (line.Piece is { } chunk) yield return ResultLines.ToResult(chunk, _header, Path);
        }

        _stream.Position = _stream.Length;
    }

    /// <summary>Reads the questions in the file, in order.</summary>
    public IEnumerable<ResultLine.QuestionLine> ReadQuestions()
    {
        foreach (var (line, _) in ResultLines.Read(_stream, Path))
        {
            if (line.Question is { } question) yield return question;
        }
    }

    /// <summary>
    /// Adds a chunk and passes it to the operating system, so that it survives if the process is killed.
    /// </summary>
    /// <returns>The chunk as it will be read from the file.</returns>
    public ChunkResult Append(ChunkResult chunk)
    {
        if (!_header.HasBlocks) chunk = chunk.WithoutBlocks();
        Append(new ResultLine { Piece = ResultLine.ChunkLine.Of(chunk, _header.HasBlocks) });
        return chunk;
    }

    /// <summary>Adds a line and passes it to the operating system.</summary>
    public void Append(ResultLine line) => Write(line);

    /// <summary>Ends the file.</summary>
    /// <param name="chunkCount">The number of chunks of the whole corpus.</param>
    public void Complete(long chunkCount)
    {
        Write(new() { End = new(chunkCount) });
        _stream.Flush(flushToDisk: true);
        IsComplete = true;
    }

    public void Dispose() => _stream.Dispose();

    // Checks the header, finds the end, and removes an incomplete line.
    private void Scan(ResultHeader header)
    {
        long good = 0;
        foreach (var (line, end) in ResultLines.Read(_stream, Path))
        {
            if (line.Header is { } found)
            {
                if (found.DifferenceFrom(header) is { } difference)
                {
                    throw new InvalidDataException($"'{Path}' belongs to another measurement; they have different {difference}.");
                }

                if (found.Shard != header.Shard || found.ShardCount != header.ShardCount)
                {
                    throw new InvalidDataException(
                        $"'{Path}' belongs to shard {found.Shard + 1} of {found.ShardCount}, "
                        + $"not {header.Shard + 1} of {header.ShardCount}.");
                }

                _header = found;
            }

            IsComplete = line.End is not null;
            good = end;
        }

        _stream.SetLength(good);
        if (good == 0) Write(new() { Header = header });
    }

    private void Write(ResultLine line)
    {
        _stream.Position = _stream.Length;
        _stream.Write(ResultLines.Write(line, _header.Version));
        _stream.Flush();
    }
}
