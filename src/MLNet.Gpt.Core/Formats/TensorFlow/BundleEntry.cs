namespace MLNet.Gpt.Formats.TensorFlow;

/// <summary>What the index says of a tensor. Source: TensorFlow's <c>tensor_bundle.proto</c>, message BundleEntryProto.</summary>
/// <param name="DataType">The number of the element type in <c>types.proto</c>.</param>
/// <param name="Shape">Sizes of the dimensions.</param>
/// <param name="Shard">Which data file it lies in.</param>
/// <param name="Offset">Where it begins there.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Checksum">Of its bytes, masked.</param>
internal sealed record BundleEntry(int DataType, long[] Shape, int Shard, long Offset, long Size, uint Checksum)
{
    private const int MostDimensions = 16;

    /// <exception cref="FormatException">The entry is damaged, or describes a part of a tensor.</exception>
    public static BundleEntry Read(ReadOnlySpan<byte> bytes)
    {
        ulong type = 0, shard = 0, offset = 0, size = 0, checksum = 0;
        long[] shape = [];
        for (var message = new ProtocolBuffer(bytes); message.Next();)
        {
            switch (message.Field, message.HasBytes)
            {
                case (1, false): type = message.Number; break;
                case (2, true): shape = ReadShape(message.Bytes); break;
                case (3, false): shard = message.Number; break;
                case (4, false): offset = message.Number; break;
                case (5, false): size = message.Number; break;
                case (6, false): checksum = message.Number; break;
                case (7, _): throw new FormatException("it is cut in slices, which are not read");
                default: throw new FormatException($"it has a field {message.Field} that is not known");
            }
        }

        if (type > int.MaxValue || shard > int.MaxValue || offset > long.MaxValue || size > long.MaxValue || checksum > uint.MaxValue) throw new FormatException("one of its numbers is too large");
        return new((int)type, shape, (int)shard, (long)offset, (long)size, (uint)checksum);
    }

    private static long[] ReadShape(ReadOnlySpan<byte> bytes)
    {
        var sizes = new List<long>();
        for (var shape = new ProtocolBuffer(bytes); shape.Next();)
        {
            if (shape.Field == 3 && !shape.HasBytes && shape.Number == 0) continue;
            if (shape.Field != 2 || !shape.HasBytes) throw new FormatException("its shape is not known");
            if (sizes.Count == MostDimensions) throw new FormatException($"it has more than {MostDimensions} dimensions");
            ulong size = 0;
            for (var dimension = new ProtocolBuffer(shape.Bytes); dimension.Next();)
            {
                if (dimension is { Field: 1, HasBytes: false }) size = dimension.Number;
                else if (dimension.Field != 2) throw new FormatException("a dimension has a field that is not known");
            }

            if (size > long.MaxValue) throw new FormatException("a dimension is too large or not known");
            sizes.Add((long)size);
        }

        return [.. sizes];
    }
}
