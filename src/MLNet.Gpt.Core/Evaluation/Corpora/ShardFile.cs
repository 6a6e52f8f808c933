namespace MLNet.Gpt.Evaluation.Corpora;

/// <summary>
/// The results of a shard as JSON Lines: a header, a line for each piece in order, and an end. A file without an end is what an
/// interrupted run has left; a line that was cut short is taken off before more are added.
/// </summary>
internal sealed class ShardFile : IDisposable
{
    private readonly FileStream _stream;
    private int _version = ResultHeader.CurrentVersion;

    private ShardFile(string path, FileStream stream, ResultHeader header)
    {
        Path = path;
        _stream = stream;
        Scan(header);
    }

    public string Path { get; }

    /// <summary>Whether all pieces of the shard are there.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Opens or makes the file; nobody else can until it is closed.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or of another measurement.</exception>
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

    /// <summary>The pieces that are there, in order.</summary>
    public IEnumerable<PieceResult> ReadPieces()
    {
        foreach (var (line, _) in ResultLines.Read(_stream, Path))
        {
            if (line.Piece is { } piece) yield return ResultLines.ToResult(piece, Path);
        }

        _stream.Position = _stream.Length;
    }

    /// <summary>Adds a piece, and hands it to the system: a process that is killed then loses nothing of it.</summary>
    public void Append(PieceResult piece) => Write(new() { Piece = ResultLine.PieceLine.Of(piece) });

    /// <summary>Ends the file.</summary>
    /// <param name="pieceCount">Pieces of the whole corpus.</param>
    public void Complete(long pieceCount)
    {
        Write(new() { End = new(pieceCount) });
        _stream.Flush(flushToDisk: true);
        IsComplete = true;
    }

    public void Dispose() => _stream.Dispose();

    // Checks the header, finds the end, and takes off a line that was cut short.
    private void Scan(ResultHeader header)
    {
        long good = 0;
        foreach (var (line, end) in ResultLines.Read(_stream, Path))
        {
            if (line.Header is { } found)
            {
                if (found.DifferenceFrom(header) is { } difference) throw new InvalidDataException($"'{Path}' is of another measurement; they have different {difference}.");
                if (found.Shard != header.Shard || found.ShardCount != header.ShardCount)
                {
                    throw new InvalidDataException($"'{Path}' is of shard {found.Shard + 1} of {found.ShardCount}, not {header.Shard + 1} of {header.ShardCount}.");
                }

                _version = found.Version;
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
        _stream.Write(ResultLines.Write(line, _version));
        _stream.Flush();
    }
}
