using MLNet.Gpt.Training.Engines;

using MLNet.Gpt.Data;

namespace MLNet.Gpt.Training;

/// <summary>
/// Shuffles depending only on the seed and the epoch, and measures the same batches each time, in the order of the
/// data: Σ −ln p / Σ targets that count, summed exactly. Batches without such targets are not measured.
/// </summary>
internal sealed class SeededOrder(TrainingData data, TrainingOptions options) : IBatchOrder
{
    private readonly TokenBatches _batches = new(data.TrainingExamples, options.BatchSize, options.DropLastBatch);
    private readonly TokenBatches _training = new(data.TrainingExamples, options.BatchSize);
    private readonly TokenBatches? _validation = data.ValidationExamples is { } examples ? new(examples, options.BatchSize) : null;

    public int BatchesPerEpoch => _batches.Count;

    public long State { get; set; }

    public IEnumerable<TokenBatch> Epoch(int epoch, int first) => _batches.Shuffled(options.Seed, epoch, first);

    public (MeasuredLoss Training, MeasuredLoss? Validation) Measure(
        ITrainableNetwork engine, EvaluationMoment moment, CancellationToken cancellationToken)
    {
        return (Loss(_training), _validation is null ? null : Loss(_validation));

        MeasuredLoss Loss(TokenBatches batches)
        {
            var summary = LossSummary.Empty;
            long? correct = 0;
            foreach (var batch in batches.InOrder().Where(batch => batch.TargetCount > 0).Take(options.EvaluationBatches ?? int.MaxValue))
            {
                cancellationToken.ThrowIfCancellationRequested();
                summary += engine.Measure(batch);
                correct += engine.CorrectCount;
            }

            return new(summary.CrossEntropy, (double?)correct / summary.TokenCount);
        }
    }
}
