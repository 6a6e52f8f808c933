using System.Buffers;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Network;

/// <summary>Reads a source's weights into the engine's layout, panel by panel and on all threads.</summary>
internal sealed unsafe class WeightPacker
{
    private const int MostPanelsPerRead = 4;

    // Inputs of a transposed matrix that are read, and transposed, at a time: about 100 KB, whole cache lines, and whole
    // groups of inputs in a panel.
    private const int InputsPerRead = 16;

    private readonly IWeightSource _source;
    private readonly BlockWeights? _blocks;
    private readonly int _threadCount;
    private readonly IProgress<double>? _progress;
    private readonly CancellationToken _cancellationToken;
    private readonly ModelWeights _target;
    private readonly double _total;
    private long _done;

    private WeightPacker(
        IWeightSource source, ModelWeights target, BlockWeights? blocks, int threadCount, IProgress<double>? progress,
        CancellationToken cancellationToken)
    {
        (_source, _target, _blocks, _threadCount) = (source, target, blocks, threadCount);
        (_progress, _cancellationToken) = (progress, cancellationToken);
        _total = source.Config.ParameterCount;
    }

    private delegate void RowReader<T>(string name, int row, Span<T> rows);

    private delegate void PanelPacker<T>(int panel, T* rows)
        where T : unmanaged;

    private delegate void InputPacker(int firstInput, int inputs, float* stored);

    /// <summary>Allocates memory for a source's weights and reads each of them once.</summary>
    /// <param name="source">The weights.</param>
    /// <param name="precision">How matrices are stored. At Int8 and Int4, some keep the blocks of a file.</param>
    /// <param name="kernels">Decides the width of panels.</param>
    /// <param name="threadCount">Threads to work on.</param>
    /// <param name="progress">
    /// Receives the fraction of the weights that has been read, on the calling thread after each matrix.
    /// </param>
    /// <param name="cancellationToken">Checked before each read.</param>
    /// <exception cref="ArgumentException">The weights have a head of scores.</exception>
    /// <exception cref="OutOfMemoryException">The system has no memory for the weights; the message says how much is needed.</exception>
    /// <exception cref="OperationCanceledException">It was canceled; all memory is free again.</exception>
    public static ModelWeights Pack(
        IWeightSource source, WeightPrecision precision, KernelSet kernels, int threadCount, IProgress<double>? progress,
        CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (source.Config.ScoreCount is { } scores)
        {
            throw new ArgumentException(
                $"The weights compute {Quantity.Of(scores, "score")} from the last token of a text; a GptModel predicts tokens. "
                + "A GptClassifier predicts classes and numbers.",
                nameof(source));
        }

        var blocks = precision is WeightPrecision.Int8 or WeightPrecision.Int4 ? new BlockWeights(source) : null;
        var target = new ModelWeights(source.Config, precision, kernels, blocks);
        try
        {
            new WeightPacker(source, target, blocks, threadCount, progress, cancellationToken).Pack();
            return target;
        }
        catch
        {
            target.Dispose();
            throw;
        }
    }

    private void Pack()
    {
        foreach (var (entry, vector) in _target.Vectors) PackVector(entry, vector);
        foreach (var (entry, matrix) in _target.Matrices) PackMatrix(entry, matrix);
    }

    private void PackVector(VectorEntry entry, PackedVector target)
    {
        _cancellationToken.ThrowIfCancellationRequested();
        _source.Read(entry.Name, 0, new Span<float>(target.Pointer, target.Length));
        _done += target.Length;
    }

    // A matrix may consist of several stacked weights; a panel can then extend from one into the next.
    private void PackMatrix(MatrixEntry entry, PackedMatrix target)
    {
        int depth = target.Depth;
        for (int part = 0; part < entry.BiasNames.Length; part++)
        {
            _source.Read(entry.BiasNames[part], 0, new Span<float>(target.Bias + entry.FirstRowOf(part), entry.PartRows[part]));
        }

        if (target.Parts.Count == 0) PackRows(entry, target);
        for (int part = 0; part < target.Parts.Count; part++)
        {
            PackRows(new(entry.Label, [entry.Names[part]], [], [entry.PartRows[part]], depth), target.Parts[part]);
        }

        _done += ((long)target.Outputs * depth) + (entry.BiasNames.Length > 0 ? target.Outputs : 0);
        _progress?.Report(_done / _total);
    }

    private void PackRows(MatrixEntry entry, PackedMatrix target)
    {
        int depth = target.Depth;
        if (target.Blocks != StoredBlocks.None)
        {
            int blocksPerRow = depth / target.Blocks.Length();
            PackPanels<byte>(
                entry, target, blocksPerRow * target.Blocks.Size(),
                (name, row, rows) => _blocks!.ReadBlocks(name, (long)row * blocksPerRow, rows), target.PackBlocks);
        }
        else if (_source is ITransposedWeightSource transposed && entry.Names.All(transposed.IsTransposed))
        {
            PackTransposed(entry, target, transposed);
        }
        else
        {
            PackPanels<float>(entry, target, depth, (name, row, rows) => _source.Read(name, (long)row * depth, rows), target.PackPanel);
        }
    }

    // A panel's rows are scattered over such a matrix, so it is read in the file's order, some inputs of all outputs at a
    // time.
    private void PackTransposed(MatrixEntry entry, PackedMatrix target, ITransposedWeightSource source)
    {
        if (!target.TakesBytes)
        {
            ReadTransposed(entry, target, source, null, target.PackInputs);
            return;
        }

        // The scale of an output is known only when all of its inputs are.
        int depth = target.Depth, outputs = target.Outputs;
        using var block = NativeBlock.Allocate((long)outputs * depth * sizeof(float), "a matrix of the file");
        using var lease = block.Borrow();
        float* stored = (float*)block.Pointer; // (in, out)
        ReadTransposed(entry, target, source, stored, null);
        PackPanels<float>(entry, target, depth, (name, row, rows) =>
        {
            int part = Array.IndexOf(entry.Names, name);
            Transpose(stored + entry.FirstRowOf(part) + row, outputs, depth, rows);
        }, target.PackPanel);
    }

    // Reads to a whole matrix, or passes on what it reads.
    private void ReadTransposed(
        MatrixEntry entry, PackedMatrix target, ITransposedWeightSource source, float* whole, InputPacker? pack)
    {
        int depth = target.Depth, outputs = target.Outputs, reads = (depth + InputsPerRead - 1) / InputsPerRead;
        WorkerTeam.Run(reads, _threadCount, index =>
        {
            _cancellationToken.ThrowIfCancellationRequested();
            int first = index * InputsPerRead, inputs = Math.Min(InputsPerRead, depth - first), length = checked(inputs * outputs);
            if (pack is null)
            {
                source.ReadTransposed(entry.Names, first, inputs, new Span<float>(whole + ((long)first * outputs), length));
                return;
            }

            float[] strip = ArrayPool<float>.Shared.Rent(length);
            try
            {
                source.ReadTransposed(entry.Names, first, inputs, strip.AsSpan(0, length));
                fixed (float* start = strip) pack(first, inputs, start);
            }
            finally
            {
                ArrayPool<float>.Shared.Return(strip);
            }
        });
    }

    // Copies some outputs of an (in, out) matrix to rows (out, in).
    private static void Transpose(float* source, int stride, int depth, Span<float> rows)
    {
        int count = rows.Length / depth;
        for (int first = 0; first < depth; first += InputsPerRead)
        {
            int inputs = Math.Min(InputsPerRead, depth - first);
            for (int row = 0; row < count; row++)
            {
                float* element = source + ((long)first * stride) + row;
                var target = rows.Slice((row * depth) + first, inputs);
                for (int i = 0; i < target.Length; i++, element += stride) target[i] = *element;
            }
        }
    }

    private void PackPanels<T>(MatrixEntry entry, PackedMatrix target, int rowLength, RowReader<T> read, PanelPacker<T> pack)
        where T : unmanaged
    {
        int panelsPerRead = Math.Clamp(target.PanelCount / (2 * _threadCount), 1, MostPanelsPerRead);
        int reads = (target.PanelCount + panelsPerRead - 1) / panelsPerRead;
        WorkerTeam.Run(reads, _threadCount, index =>
        {
            _cancellationToken.ThrowIfCancellationRequested();
            int firstPanel = index * panelsPerRead, endPanel = Math.Min(firstPanel + panelsPerRead, target.PanelCount);
            int first = firstPanel * target.PanelWidth, end = Math.Min(endPanel * target.PanelWidth, target.Outputs);
            T[] rows = ArrayPool<T>.Shared.Rent(checked((endPanel - firstPanel) * target.PanelWidth * rowLength));
            try
            {
                for (int row = first; row < end;)
                {
                    var (part, firstRow) = entry.PartAt(row);
                    int count = Math.Min(end, firstRow + entry.PartRows[part]) - row;
                    read(entry.Names[part], row - firstRow, rows.AsSpan((row - first) * rowLength, count * rowLength));
                    row += count;
                }

                fixed (T* start = rows)
                {
                    for (int panel = firstPanel; panel < endPanel; panel++)
                    {
                        pack(panel, start + ((long)(panel - firstPanel) * target.PanelWidth * rowLength));
                    }
                }
            }
            finally
            {
                ArrayPool<T>.Shared.Return(rows);
            }
        });
    }
}
