using MLNet.Gpt.Data;
using MLNet.Gpt.Training;
using MLNet.Gpt.Training.Engines;
using TorchSharp;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// Shuffles and measures like the book's program with PyTorch's <c>DataLoader</c>, draw for draw: an iterator takes a
/// number from libtorch's global generator for its workers, even if there are none, and a shuffling one takes a second
/// number, which seeds a separate generator for the permutation. Evaluations create iterators as well, so their draws
/// change the random numbers of training.
/// </summary>
internal sealed class PyTorchOrder(TrainingData data, TrainingOptions options) : IBatchOrder
{
    private readonly TokenBatches _training = new(data.TrainingExamples, options.BatchSize, options.DropLastBatch);
    private readonly TokenBatches? _validation = data.ValidationExamples is { } examples ? new(examples, options.BatchSize) : null;

    public int BatchesPerEpoch => _training.Count;

    /// <summary>The seed of the epoch's permutation.</summary>
    public long State { get; set; }

    public IEnumerable<TokenBatch> Epoch(int epoch, int first)
    {
        if (first == 0) State = DrawShuffleSeed();
        return _training.Ordered(PyTorchRandom.Permutation(_training.ShuffledCount, State), first);
    }

    public (MeasuredLoss Training, MeasuredLoss? Validation) Measure(
        ITrainableNetwork engine, EvaluationMoment moment, CancellationToken cancellationToken)
    {
        using var state = torch.get_rng_state();
        bool movesStream = false;
        try
        {
            // The book evaluates only at its interval, and before training in a separate program. So every other
            // evaluation starts from the seed and leaves the stream alone, and the one before training measures all
            // batches.
            if (moment != EvaluationMoment.Due) torch.manual_seed(options.Seed);
            var losses = Measure(engine, moment == EvaluationMoment.Before ? null : options.EvaluationBatches, cancellationToken);
            movesStream = moment == EvaluationMoment.Due;
            return losses;
        }
        finally
        {
            if (!movesStream) torch.set_rng_state(state); // after cancellation too, because resumed training repeats the evaluation
        }
    }

    private (MeasuredLoss Training, MeasuredLoss? Validation) Measure(
        ITrainableNetwork engine, int? maxBatches, CancellationToken cancellationToken)
    {
        int[] order = PyTorchRandom.Permutation(_training.ShuffledCount, DrawShuffleSeed());
        var training = Loss(_training.Ordered(order));
        if (_validation is null) return (training, null);
        PyTorchRandom.DrawSeed();
        return (training, Loss(_validation.InOrder()));

        MeasuredLoss Loss(IEnumerable<TokenBatch> batches)
        {
            double sum = 0;
            int count = 0;
            foreach (var batch in batches.Where(batch => batch.TargetCount > 0).Take(maxBatches ?? int.MaxValue))
            {
                cancellationToken.ThrowIfCancellationRequested();
                sum += engine.Measure(batch).CrossEntropy;
                count++;
            }

            return new(sum / count); // the mean of the batches' means, as in the book
        }
    }

    private static long DrawShuffleSeed()
    {
        PyTorchRandom.DrawSeed(); // the iterator's
        return PyTorchRandom.DrawSeed();
    }
}
