namespace MLNet.Gpt.Inference;

/// <summary>A piece of attention for one thread: some rows of one head of one segment.</summary>
internal readonly record struct AttentionUnit(int Segment, int Head, int FirstRow, int RowCount)
{
    private const int LongestCount = 64;

    /// <summary>Rows of queries that are read for so many: whole tiles, but a lone row by itself.</summary>
    public static int RowsRead(int count) => count == 1 ? 1 : (count + Workspace.TileRows - 1) / Workspace.TileRows * Workspace.TileRows;

    /// <summary>Cuts the attention of segments into pieces, the long ones first.</summary>
    public static AttentionUnit[] Of(ReadOnlySpan<Segment> segments, int headCount)
    {
        var units = new List<AttentionUnit>();
        for (int segment = 0; segment < segments.Length; segment++)
        {
            int count = segments[segment].Count;
            for (int first = (count - 1) / LongestCount * LongestCount; first >= 0; first -= LongestCount)
            {
                for (int head = 0; head < headCount; head++) units.Add(new(segment, head, first, Math.Min(LongestCount, count - first)));
            }
        }

        return [.. units];
    }
}
