using System.Diagnostics;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Inference;

/// <summary>
/// Computes the output heads of two models, both losses and the divergence of the predictions together: the logits of both exist only for
/// a chunk of a few hundred tokens of the vocabulary at a time.
/// </summary>
/// <remarks>The scores are those of <see cref="Scorer"/>, to the last bit, and depend on the threads as little.</remarks>
internal static unsafe class PairScorer
{
    private const int RowsPerUnit = 64; // the logits of two models stay in a core's second cache

    /// <summary>Scores the target of each normalized row of two workspaces.</summary>
    /// <param name="reference">The reference; borrowed by the caller, like the model.</param>
    /// <param name="referenceRows">Contains the normalized rows of the reference, from 0.</param>
    /// <param name="model">The model.</param>
    /// <param name="modelRows">Contains its normalized rows, from 0.</param>
    /// <param name="targets">One id per row.</param>
    /// <param name="scores">Receives the model's score for each row.</param>
    /// <param name="pair">Receives the reference's scores and what is compared.</param>
    /// <param name="first">The index in <paramref name="pair"/> of the first row.</param>
    /// <param name="threadCount">Threads to work on.</param>
    /// <exception cref="InvalidOperationException">A loss is not a number.</exception>
    public static void Score(
        ModelWeights reference, Workspace referenceRows, ModelWeights model, Workspace modelRows,
        ReadOnlySpan<int> targets, Span<TokenScore> scores, PairScores pair, int first, int threadCount)
    {
        int rows = targets.Length, vocabulary = model.Head.Outputs;
        Debug.Assert(reference.Head.Outputs == vocabulary, "Models of different vocabularies are not compared.");
        var left = new Side(reference, referenceRows, targets, threadCount);
        var right = new Side(model, modelRows, targets, threadCount);
        int chunks = (vocabulary + Scorer.IdsPerChunk - 1) / Scorer.IdsPerChunk, rowUnits = (rows + RowsPerUnit - 1) / RowsPerUnit;
        LogSumExp[] leftParts = new LogSumExp[checked(rows * chunks)], rightParts = new LogSumExp[rows * chunks];
        var sums = new DivergenceSums[rows * chunks];
        WorkerTeam.Run(rowUnits * chunks, threadCount, unit =>
        {
            const int LogitCount = RowsPerUnit * Scorer.IdsPerChunk;
            int firstRow = unit % rowUnits * RowsPerUnit, count = Math.Min(RowsPerUnit, rows - firstRow), chunk = unit / rowUnits;
            float* tile = ThreadScratch.Get(MatrixProduct.ScratchLength + (2 * LogitCount));
            float* x = tile + MatrixProduct.ScratchLength, y = x + LogitCount;
            left.ComputeChunk(firstRow, count, chunk, tile, x);
            right.ComputeChunk(firstRow, count, chunk, tile, y);
            int valid = Math.Min(Scorer.IdsPerChunk, vocabulary - (chunk * Scorer.IdsPerChunk));
            for (int i = 0; i < count; i++, x += Scorer.IdsPerChunk, y += Scorer.IdsPerChunk)
            {
                int row = firstRow + i, place = (row * chunks) + chunk;
                var one = leftParts[place] = LogSumExp.Of(x, valid, left.TargetLogits[row]);
                var other = rightParts[place] = LogSumExp.Of(y, valid, right.TargetLogits[row]);
                sums[place] = DivergenceSums.Of(x, y, valid, one.Maximum, other.Maximum);
            }
        },
        work: (double)rows * (left.Depth + right.Depth) * vocabulary);

        for (int row = 0; row < rows; row++)
        {
            int place = first + row;
            var one = leftParts.AsSpan(row * chunks, chunks);
            var other = rightParts.AsSpan(row * chunks, chunks);
            pair.Scores[place] = left.Combine(one, targets[row], row);
            scores[row] = right.Combine(other, targets[row], row);
            pair.Divergences[place] = (float)DivergenceSums.Combine(
                sums.AsSpan(row * chunks, chunks), one, other, out pair.HaveSameTop[place]);
        }
    }

    // One of the models, with its rows.
    private sealed class Side
    {
        private readonly ModelWeights _weights;
        private readonly Workspace _rows;
        private readonly int _panelsPerChunk;

        public Side(ModelWeights weights, Workspace rows, ReadOnlySpan<int> targets, int threadCount)
        {
            (_weights, _rows) = (weights, rows);
            var head = weights.Head;
            _panelsPerChunk = Scorer.IdsPerChunk / head.PanelWidth;
            Debug.Assert(_panelsPerChunk * head.PanelWidth == Scorer.IdsPerChunk, "Chunks of both models have the same ids.");
            Scorer.Prepare(weights, rows, targets.Length, threadCount);
            TargetLogits = Scorer.TargetLogits(weights, rows, targets, threadCount);
        }

        public int Depth => _weights.Head.Depth;

        public float[] TargetLogits { get; }

        public void ComputeChunk(int firstRow, int count, int chunk, float* tile, float* logits) =>
            Scorer.ComputeChunk(_weights, _rows, firstRow, count, chunk * _panelsPerChunk, _panelsPerChunk, tile, logits);

        public TokenScore Combine(ReadOnlySpan<LogSumExp> chunks, int target, int row) =>
            Scorer.Combine(chunks, LogSumExp.Combine(chunks), TargetLogits[row], target, row);
    }
}
